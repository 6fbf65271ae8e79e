package facts

import (
	"slices"
	"testing"
)

func TestReadHTML(t *testing.T) {
	for _, tt := range []struct {
		name, html           string
		links                []string
		images, noAlt, words int
		active               []string
	}{
		{"nothing", "", nil, 0, 0, 0, nil},
		{"text", "<p>Hi &amp; <b>bye</b></p>", nil, 0, 0, 5, nil},
		{"styles and titles are not read", "<title>T</title><style>p{color:red}</style><p>ab", nil, 0, 0, 2, nil},
		{"a style that does not end hides all", "<style>p{color:red}<p>ab", nil, 0, 0, 0, nil},
		{"links", `<a href=" https://a.example/ ">x</a><area HREF=/b><a name=c>`, []string{"https://a.example/", "/b"}, 0, 0, 1, nil},
		{"images", `<img src=a><img src=b alt=""><img src=c alt="c"/>`, nil, 3, 1, 0, nil},
		{"a pixel is no image", `<img width=1 height=1><img width="0px"><img height="1">`, nil, 0, 0, 0, nil},
		{"data is no script", `<script type="application/ld+json">{"a": 1}</script>x`, nil, 0, 0, 1, nil},
		{"active", `<script>x</script><form><iframe></iframe></form><FORM>`, nil, 0, 0, 0, []string{"script", "form", "iframe"}},
		{"in a comment nothing counts", `<!-- <form><a href=x> -->`, nil, 0, 0, 0, nil},
	} {
		h := readHTML([]byte(tt.html))
		if !slices.Equal(h.Links, tt.links) || h.Images != tt.images || h.NoAlt != tt.noAlt || h.Text != tt.words || !slices.Equal(h.Active, tt.active) {
			t.Errorf("%s: %+v", tt.name, h)
		}
	}
}
