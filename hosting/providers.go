package hosting

// read is the day on which what pages without a date say was looked up.
const read = "2026-11-22"

// both is one way for IPv4 and IPv6.
func both(p Provider, w Way) Provider {
	p.PTR4, p.PTR6 = w, w
	return p
}

// providers is in the order of the names. A network is listed if servers of
// customers stand in it; what only the provider's own services use is left out.
var providers = []Provider{
	both(Provider{
		Name: "Akamai (Linode)", Networks: []uint32{63949},
		Outbound: Closed, Mute: true,
		Port25: Way{
			How:    "Accounts opened since November 2019 have ports 25, 465 and 587 closed on the way out. Set the A record and the reverse DNS of the server first, then open a Support ticket.",
			Source: "https://www.linode.com/blog/linode/a-new-policy-to-help-fight-spam/", AsOf: "2019-11-05",
		},
	}, Way{
		How:    "In the Cloud Manager, open Linodes, the server, its Network tab, and Edit rDNS beside the address. The name must lead to the address before.",
		Source: "https://www.linode.com/docs/products/compute/compute-instances/guides/configure-rdns/", AsOf: "2023-01-18",
	}),
	{
		Name: "Amazon EC2", Networks: []uint32{14618, 16509},
		PTR4: Way{
			How:    "In the EC2 console, open Elastic IPs, select the address, then Actions, Update reverse DNS. Only an Elastic IP has a reverse DNS of yours, and the name must lead to it before.",
			API:    "aws ec2 modify-address-attribute --allocation-id ID --domain-name NAME",
			Source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html", AsOf: read,
		},
		Outbound: Closed,
		Port25: Way{
			How:    "EC2 restricts port 25 of all instances. Ask AWS Support to remove the restriction, with the request form that the page names.",
			Source: "https://aws.amazon.com/premiumsupport/knowledge-center/ec2-port-25-throttle/", AsOf: read,
		},
	},
	{
		Name: "DigitalOcean", Networks: []uint32{14061},
		PTR4:     digitalOceanPTR,
		PTR6:     digitalOceanPTR,
		Outbound: Never, Mute: true,
		Port25: Way{
			How:    "Ports 25, 465 and 587 are blocked for Droplets, and DigitalOcean advises against mail servers of one's own: expect to send through a relay.",
			Source: "https://docs.digitalocean.com/support/why-is-smtp-blocked/", AsOf: read,
		},
	},
	both(Provider{
		Name: "Google Cloud", Networks: []uint32{396982},
		Outbound: Never,
		Port25: Way{
			How:    "Connections to port 25 of addresses outside are blocked: send through a relay on port 465 or 587.",
			Source: "https://cloud.google.com/compute/docs/tutorials/sending-mail", AsOf: read,
		},
	}, Way{
		How:    "Edit the primary network interface of the VM instance and turn on Public DNS PTR record with the name. The domain must be verified as yours before; an IPv6 address needs a dual-stack subnet with an external IPv6 range.",
		Source: "https://cloud.google.com/compute/docs/instances/create-ptr-record", AsOf: read,
	}),
	both(Provider{
		Name: "Hetzner", Networks: []uint32{24940, 212317, 213230},
		Outbound: Closed,
		Port25: Way{
			How:    "Cloud servers have ports 25 and 465 closed on the way out. Once the first invoice is paid, ask for it to be opened in the Hetzner Console, under Limits.",
			Source: "https://docs.hetzner.com/cloud/servers/faq/#why-can-i-not-send-any-mails-from-my-server", AsOf: read,
		},
	}, Way{
		How:    "In the Hetzner Console, open the server, Networking, the menu of the address, and Edit Reverse DNS; for a dedicated server, do it in Robot.",
		API:    "the resource hcloud_rdns of Terraform and Ansible",
		Source: "https://docs.hetzner.com/cloud/servers/cloud-server-rdns/", AsOf: read,
	}),
	both(Provider{Name: "Hostinger", Networks: []uint32{47583}}, Way{
		How:    "The PTR record of a virtual machine is set in its panel or with the API of Hostinger.",
		API:    "hapi vps ptr create VM-ID",
		Source: "https://pkg.go.dev/github.com/hostinger/api-cli/cmd/vps/ptr", AsOf: "2025-11-07",
	}),
	both(Provider{Name: "IONOS", Networks: []uint32{8560}}, Way{
		How:    "In IONOS Cloud it is a reverse record of Cloud DNS (POST /reverserecords); an IPv4 address must be a reserved one, and the A record must be there before. Other products of IONOS have it in their own panels.",
		Source: "https://docs.ionos.com/cloud/network-services/cloud-dns/api-how-tos/create-and-manage-reverse-dns", AsOf: read,
	}),
	{
		Name: "Microsoft Azure", Networks: []uint32{8075},
		PTR4: Way{
			How:    "Set the property ReverseFqdn of the public IP address, with Azure CLI or PowerShell. The name must lead to the address before; for IPv6 Azure sets none.",
			API:    "az network public-ip update --resource-group GROUP --name ADDRESS --reverse-fqdn NAME.",
			Source: "https://learn.microsoft.com/azure/dns/dns-reverse-dns-for-azure-services", AsOf: "2023-01-09",
		},
		Outbound: Closed,
		Port25: Way{
			How:    "Port 25 is open for Enterprise Agreements and closed for pay-as-you-go and most others; in the Azure portal ask under Diagnose and Solve of the virtual network, Cannot send email (SMTP-Port 25). Free, student and Visual Studio subscriptions do not get it.",
			Source: "https://learn.microsoft.com/azure/virtual-network/troubleshoot-outbound-smtp-connectivity", AsOf: "2021-04-28",
		},
	},
	both(Provider{
		Name: "OVHcloud", Networks: []uint32{16276, 35540},
		Outbound: Open,
		Port25: Way{
			How:    "OVHcloud closes port 25 of an address that it takes for a source of spam, and writes so to the account: end the spam, then unblock the address in the Control Panel.",
			Source: "https://support.us.ovhcloud.com/hc/en-us/articles/16100926574995-OVHcloud-AntiSpam-Best-Practices-and-Unblocking-an-IP", AsOf: "2022-10-17",
		},
	}, Way{
		How:    "In the OVHcloud Control Panel, open Bare Metal Cloud, Network, IP, the … of the address, and Modify the reverse path. The A record must lead to the address before.",
		API:    "the resource ovh_ip_reverse of Terraform",
		Source: "https://github.com/ovh/docs", AsOf: "2024-09-24",
	}),
	{
		Name: "Oracle Cloud", Networks: []uint32{31898},
		Outbound: Closed,
		Port25: Way{
			How:    "Port 25 is closed on the way out for tenancies made after June 2021. Email Delivery of Oracle takes mail on other ports.",
			Source: "https://docs.oracle.com/en-us/iaas/releasenotes/changes/f7e95770-9844-43db-916c-6ccbaf2cfe24/", AsOf: read,
		},
	},
	{
		Name: "Scaleway", Networks: []uint32{12876},
		PTR4: Way{
			How:    "In the console, open Instances, Flexible IPs, the menu of the address, and Edit reverse. The A record must lead to the address before.",
			Source: "https://www.scaleway.com/en/docs/instances/how-to/configure-reverse-dns/", AsOf: "2025-12-18",
		},
		PTR6: Way{
			How:    "The console sets none for single addresses of an IPv6 /64; the IPAM API does.",
			Source: "https://www.scaleway.com/en/docs/ipam/how-to/set-ip-reverse/", AsOf: "2025-12-18",
		},
		Outbound: Closed, Mute: true,
		Port25: Way{
			How:    "Ports 25, 465 and 587 are closed on the way out. Once your identity is verified, open Instances, Security groups, the group of the server, and tick Enable SMTP.",
			Source: "https://www.scaleway.com/en/docs/instances/how-to/send-emails-from-your-instance/", AsOf: "2025-07-21",
		},
	},
	both(Provider{
		Name: "UpCloud", Networks: []uint32{25697, 202053},
		Outbound: Closed,
		Port25: Way{
			How:    "Port 25 is closed on the way out for new accounts. Ask the support team to unlock it, with a proof of identity or payment and what it is needed for.",
			Source: "https://upcloud.com/docs/products/networking/features/firewall/", AsOf: read,
		},
	}, Way{
		How:    "It is the ptr_record of the address in the API of UpCloud.",
		API:    "PUT /1.3/ip_address/ADDRESS",
		Source: "https://developers.upcloud.com/1.3/10-ip-addresses/", AsOf: read,
	}),
	both(Provider{
		Name: "Vultr", Networks: []uint32{20473},
		Outbound: Closed,
		Port25: Way{
			How:    "Port 25 is closed on the way out. Open a support ticket and say what it is needed for; it is not granted to everybody.",
			Source: "https://docs.vultr.com/what-ports-are-blocked", AsOf: read,
		},
	}, Way{
		How:    "It is set for each address of the instance, in the control panel or with the command line of Vultr; the change may take some hours.",
		API:    "vultr-cli instance reverse-dns set-ipv4 INSTANCE ADDRESS --entry NAME",
		Source: "https://docs.vultr.com/reference/vultr-cli/instance/reverse-dns", AsOf: "2025-11-07",
	}),
	both(Provider{Name: "netcup", Networks: []uint32{197540}}, Way{
		How:    "It is set in the Server Control Panel (SCP), or with its API.",
		API:    "/scp-core/api/v1/rdns/ipv4, /rdns/ipv6",
		Source: "https://www.servercontrolpanel.de/scp-core/api/v1/openapi", AsOf: read,
	}),
}

var digitalOceanPTR = Way{
	How:    "DigitalOcean makes the PTR record from the name of the Droplet: rename it to the full host name. With IPv6, only the first address of the Droplet gets one.",
	API:    "doctl compute droplet-action rename DROPLET --droplet-name NAME",
	Source: "https://docs.digitalocean.com/glossary/ptr-record/", AsOf: read,
}
