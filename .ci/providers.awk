# The table of providers and cases, from the output of: go test -json ./providers/...
# "ok" is passed, "-" skipped (the provider says that it cannot), "FAIL" failed.
function field(name,    rest) {
	if (!match($0, "\"" name "\":\"")) return ""
	rest = substr($0, RSTART + RLENGTH)
	match(rest, /^([^"\\]|\\.)*/)
	return substr(rest, 1, RLENGTH)
}
/"Action":"(pass|fail|skip)"/ && /"Test":"Test[^"]*\// {
	n = split(field("Package"), part, "/")
	package = part[n]
	test = field("Test")
	match(test, /[^\/]*$/)
	title = substr(test, RSTART)
	suite = package "/" substr(test, 5, RSTART - 6)
	gsub("_", " ", title)
	if (!(suite in seen)) { seen[suite]; column[++columns] = suite }
	if (!(title in known)) { known[title]; row[++rows] = title }
	action = field("Action")
	result[suite, title] = action == "pass" ? "ok" : action == "skip" ? "-" : "FAIL"
}
END {
	for (i = 2; i <= columns; i++) # in the order of their names
		for (j = i; j > 1 && column[j] < column[j - 1]; j--) { swap = column[j]; column[j] = column[j - 1]; column[j - 1] = swap }
	head = "| Case |"; rule = "|---|"
	for (i = 1; i <= columns; i++)
		if ((column[i], "replace in place") in result) {
			shown[++wide] = column[i]
			head = head " " column[i] " |"; rule = rule "---|"
		}
	print head; print rule
	for (j = 1; j <= rows; j++) {
		line = "| " row[j] " |"; all = 1
		for (i = 1; i <= wide; i++) {
			all = all && (shown[i], row[j]) in result
			line = line " " result[shown[i], row[j]] " |"
		}
		if (wide && all) print line
	}
}
