package desired

import (
	"encoding/json"
	"reflect"
)

// Schema is the JSON Schema (2020-12) of maildoctor.yaml, for editors. It is made
// of the tables by which Parse reads. What a schema cannot say (whether a key is a
// key, a host stands in the file, two services agree) only Parse and Edits tell.
func Schema() []byte {
	top := objectForm(fileKeys(), "version")
	top["anyOf"] = []any{form{"required": []string{"domains"}}, form{"required": []string{"check"}}}
	top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	top["title"] = "maildoctor.yaml"
	top["description"] = "What the owner wants of mail domains."
	top["$defs"] = form{
		"host":     eitherForm(manyForm(textForm("192.0.2.25")), objectForm(hostKeys(), "ips")),
		"settings": objectForm(settingKeys()),
		"services": servicesForm(),
		"dkimKey":  eitherForm(textForm(), objectForm(keyKeys())),
		"dmarc":    objectForm(dmarcKeys()),
		"stage":    objectForm(stageKeys(), "from", "policy"),
		"spf":      objectForm(spfKeys()),
		"mtaSts":   objectForm(mtastsKeys()),
		"caa":      objectForm(caaKeys(), "issue"),

		"check":       objectForm(checkingKeys()),
		"examined":    objectForm(examinedKeys()),
		"waiver":      objectForm(waiverKeys(), "check", "owner", "reason", "until"),
		"mta":         objectForm(mtaKeys()),
		"mtaListen":   objectForm(listenKeys()),
		"mtaTls":      objectForm(tlsKeys(), "acme"),
		"mtaCert":     objectForm(certKeys(), "cert", "key"),
		"mtaAcme":     orNull(objectForm(acmeKeys())),
		"mtaExternal": objectForm(externalKeys(), "key-id", "key-file"),
		"mtaUser":     objectForm(userKeys()),
		"mtaRelay":    objectForm(relayKeys(), "host"),
		"mtaRoute":    objectForm(routeKeys()),
		"mtaWarmUp":   objectForm(warmUpKeys(), "start", "first", "last"),
		"mtaLimits":   objectForm(limitKeys()),
	}
	text, _ := json.MarshalIndent(top, "", "  ") // of maps, texts and numbers it cannot fail
	return append(text, '\n')
}

// servicesForm is names of services, or services with their inputs.
func servicesForm() form {
	names := choiceForm(ServiceNames()...)
	properties := make(form)
	for _, s := range Services() {
		one := orNull(objectForm(inputKeys(s)))
		one["description"] = s.Title
		if s.Note != "" {
			one["description"] = s.Title + "; " + s.Note
		}
		properties[s.Name] = one
	}
	return eitherForm(manyForm(names), form{"type": "object", "properties": properties, "additionalProperties": false})
}

// zero reports whether nothing was said.
func zero(v any) bool { return reflect.ValueOf(v).IsZero() }
