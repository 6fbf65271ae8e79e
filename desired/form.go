package desired

// A form is the shape of a value in the terms of JSON Schema (2020-12).
type form map[string]any

// Shapes of single values. YAML writes some texts without quotes that are no
// strings to JSON, so numbers and booleans stand beside them where that happens.
func textForm(examples ...string) form {
	f := form{"type": "string", "minLength": 1}
	if len(examples) > 0 {
		f["examples"] = examples
	}
	return f
}

func patternForm(pattern string, examples ...string) form {
	f := textForm(examples...)
	f["pattern"] = pattern
	return f
}

func choiceForm(names ...string) form { return form{"enum": names} }

func switchForm() form { return form{"enum": []any{true, false, "yes", "no", "on", "off"}} }

// manyForm is one value or a list.
func manyForm(of form) form {
	return form{"oneOf": []any{of, form{"type": "array", "minItems": 1, "maxItems": maxList, "items": of}}}
}

// eitherForm is one of several shapes.
func eitherForm(of ...form) form {
	var list []any
	for _, f := range of {
		list = append(list, f)
	}
	return form{"anyOf": list}
}

// mapForm is a mapping of free keys.
func mapForm(of form, most int) form {
	return form{"type": "object", "additionalProperties": of, "maxProperties": most}
}

// objectForm is a mapping by a table of keys, and no others.
func objectForm[T any](keys []key[T], required ...string) form {
	properties := make(form)
	for _, k := range keys {
		if k.form == nil { // refused
			continue
		}
		property := form{"description": k.doc}
		for name, value := range k.form {
			property[name] = value
		}
		properties[k.name] = property
	}
	f := form{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		f["required"] = required
	}
	return f
}

// orNull is a form that may be left empty.
func orNull(f form) form { return eitherForm(f, form{"type": "null"}) }

func ref(name string) form { return form{"$ref": "#/$defs/" + name} }
