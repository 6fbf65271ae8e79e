package bimi

// allowed is the elements of SVG Tiny Portable/Secure (draft-svg-tiny-ps-abrotman,
// 2, and its RELAX NG schema). A nested svg is none of them.
var allowed = map[string]bool{
	"title": true, "desc": true, "metadata": true,
	"g": true, "defs": true, "use": true,
	"path": true, "rect": true, "circle": true, "line": true, "ellipse": true, "polyline": true, "polygon": true,
	"solidColor": true, "linearGradient": true, "radialGradient": true, "stop": true,
	"text": true, "textArea": true, "tspan": true, "tbreak": true,
	"font": true, "font-face": true, "glyph": true, "missing-glyph": true, "hkern": true,
}

// forbidden is elements of other profiles that logos are found with, and what
// each is.
var forbidden = map[string]string{
	"script": "a script", "handler": "a script", "listener": "a script",
	"animate": "an animation", "animateColor": "an animation", "animateMotion": "an animation", "animateTransform": "an animation",
	"animation": "an animation", "set": "an animation", "mpath": "an animation", "discard": "an animation",
	"image": "a picture of pixels, or a reference to one", "video": "a video", "audio": "a sound",
	"foreignObject": "foreign content", "iframe": "foreign content",
	"a": "a link", "prefetch": "a reference to outside", "font-face-uri": "a reference to outside", "font-face-src": "a reference to outside",
	"style": "a style sheet", "link": "a style sheet",
}

// unstyled is attributes that SVG Tiny 1.2 does not have and that drawing
// programs write.
var unstyled = map[string]bool{
	"style": true, "clip-path": true, "clip-rule": true, "mask": true, "filter": true, "enable-background": true, "marker-start": true,
	"marker-mid": true, "marker-end": true, "mix-blend-mode": true, "isolation": true,
}

// advice says what to do about some of them.
var advice = map[string]string{
	"style": "; export the logo with presentation attributes (fill=…) in place of styles",
}
