package scenario

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"unicode/utf8"
)

// marked begins a string that stands in base64, as JSON holds Unicode only and
// what hosts say is octets. A string that begins so by itself is marked too.
const marked = "base64:"

// marshal is json.Marshal with every octet of every string kept.
func marshal(v any) ([]byte, error) {
	return json.Marshal(mapped(reflect.ValueOf(v), func(s string) string {
		if utf8.ValidString(s) && !strings.HasPrefix(s, marked) {
			return s
		}
		return marked + base64.StdEncoding.EncodeToString([]byte(s))
	}).Interface())
}

// unmarshal reads what marshal wrote into v, a pointer.
func unmarshal(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	var failed error
	target := reflect.ValueOf(v).Elem()
	target.Set(mapped(target, func(s string) string {
		coded, ok := strings.CutPrefix(s, marked)
		if !ok {
			return s
		}
		octets, err := base64.StdEncoding.DecodeString(coded)
		if err != nil {
			failed = err
		}
		return string(octets)
	}))
	return failed
}

var texts = reflect.TypeFor[encoding.TextMarshaler]()

// mapped is a deep copy of v with f applied to every string in it. Types that
// write themselves as text are copied as they are.
func mapped(v reflect.Value, f func(string) string) reflect.Value {
	if !v.IsValid() || v.Type().Implements(texts) {
		return v
	}
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		out.SetString(f(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(mapped(v.Elem(), f))
		}
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			return v
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(mapped(v.Index(i), f))
		}
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for entries := v.MapRange(); entries.Next(); {
			out.SetMapIndex(mapped(entries.Key(), f), mapped(entries.Value(), f))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(mapped(v.Field(i), f))
			}
		}
	default:
		return v
	}
	return out
}
