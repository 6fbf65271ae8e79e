.PHONY: build test race lint bench bench-smtp fuzz update browser pictures peers providers mta-tables ci
build: ; CGO_ENABLED=0 go build -trimpath -o maildoctor .
test: ; go test ./...
race: ; go test -race -shuffle=on ./...
lint: ; test -z "$$(gofmt -l .)" && go vet ./... && go tool staticcheck ./... && go mod tidy -diff
bench: ; go test -run '^$$' -bench . -benchmem ./...
bench-smtp: ; MAILDOCTOR_PEERS=1 go test ./lab -run '^$$' -bench PeersLoad -benchtime 1x -timeout 15m
fuzz: ; grep -rnoE '^func Fuzz\w+' --include='*_test.go' . | sed -E 's,/[^/ ]+:[0-9]+:func , ,' | while read -r dir name; do go test "$$dir" -run '^$$' -fuzz "^$$name\$$" -fuzztime 15s || exit 1; done
update: ; go test . ./checks/suite ./desired ./report ./cmd -update
browser: ; MAILDOCTOR_PEERS=1 go test ./report -count=1 -run '^TestPageInChromium$$' -v
pictures: ; go test . -run '^TestPictures$$' -update
peers: ; MAILDOCTOR_PEERS=1 go test -count=1 -run Peers -v ./lab
providers: ; @go test -count=1 -json ./providers/... | awk -f .ci/providers.awk
mta-tables: ; @(go test -count=1 -json -run '^(TestRelay|TestSmuggling|TestPowerCut|TestJournalPowerCut)' ./mta/smtpd ./mta/spool ./mta/maildir; go test -count=1 -json -run '^TestCrash$$' ./mta/maildir ./mta/queue -args -crashes 20; go test -count=1 -json -run '^TestMemory' ./mta) | awk -f .ci/attributes.awk
ci: ; .ci/run
