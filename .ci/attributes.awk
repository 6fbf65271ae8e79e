# Tables of the attributes of tests (testing.T.Attr), from the output of go test
# -json. A key is "table|column", with _ for a blank; the row is the test. The cells
# of a test that failed say so.
function field(name,    rest) {
	if (!match($0, "\"" name "\":\"")) return ""
	rest = substr($0, RSTART + RLENGTH)
	match(rest, /^([^"\\]|\\.)*/)
	rest = substr(rest, 1, RLENGTH)
	gsub(/\\u003c/, "<", rest); gsub(/\\u003e/, ">", rest); gsub(/\\u0026/, "\\&", rest)
	gsub(/\\"/, "\"", rest); gsub(/\\\\/, "\\", rest); gsub(/\|/, "\\|", rest)
	return rest
}
# title is the name of a test in its table. Those of one test function are cases, and
# go by what they are called; others by room and test, too.
function title(table, test,    room) {
	room = field("Package")
	sub(/.*\//, "", room)
	gsub("_", " ", test)
	if (table == "crash") { sub("^Test", room ": ", test); sub("/", ", ", test) }
	else sub("^[^/]*/", "", test)
	return test
}
/"Action":"attr"/ {
	key = field("Key"); value = field("Value")
	table = substr(key, 1, index(key, "|") - 2); column = substr(key, index(key, "|") + 1)
	gsub("_", " ", column)
	name = title(table, field("Test"))
	if (!((table) in tables)) { tables[table]; order[++count] = table }
	if (!((table, name) in row)) { row[table, name]; rows[table, ++nrows[table]] = name }
	if (!((table, column) in col)) { col[table, column]; cols[table, ++ncols[table]] = column }
	cell[table, name, column] = value
	of[field("Package") field("Test")] = table SUBSEP name
}
/"Action":"fail"/ && (field("Package") field("Test")) in of { failed[of[field("Package") field("Test")]] }
END {
	for (t = 1; t <= count; t++) {
		table = order[t]
		print (t > 1 ? "\n" : "") toupper(substr(table, 1, 1)) substr(table, 2) ":\n"
		head = "| |"; rule = "|---|"
		for (c = 1; c <= ncols[table]; c++) { head = head " " cols[table, c] " |"; rule = rule "---|" }
		print head; print rule
		for (r = 1; r <= nrows[table]; r++) {
			name = rows[table, r]
			line = "| " name ((table, name) in failed ? " FAILED" : "") " |"
			for (c = 1; c <= ncols[table]; c++) {
				value = cell[table, name, cols[table, c]]
				line = line " " (value == "" ? "–" : value) " |"
			}
			print line
		}
	}
}
