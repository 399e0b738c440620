package isolation

import (
	"fmt"
	"reflect"
	"strings"
)

// reveals looks for anything of B's in a value, however deep, and says what
// it found.
func (w *World) reveals(v any) string {
	i := inspector{world: w, seen: make(map[uintptr]bool)}
	i.walk(reflect.ValueOf(v), "value")
	return i.found
}

type inspector struct {
	world *World
	seen  map[uintptr]bool
	found string
}

func (i *inspector) walk(v reflect.Value, path string) {
	if i.found != "" {
		return
	}
	switch v.Kind() {
	case reflect.String:
		i.text(v.String(), path)
	case reflect.Int, reflect.Int64, reflect.Int32:
		i.number(v.Int(), path)
	case reflect.Float64:
		i.number(int64(v.Float()), path)
	case reflect.Pointer:
		if v.IsNil() || i.seen[v.Pointer()] {
			return
		}
		i.seen[v.Pointer()] = true
		i.walk(v.Elem(), path)
	case reflect.Interface:
		i.walk(v.Elem(), path)
	case reflect.Struct:
		i.fields(v, path)
	case reflect.Map:
		for _, k := range v.MapKeys() {
			i.walk(k, path+" key")
			i.walk(v.MapIndex(k), fmt.Sprintf("%s[%v]", path, k))
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			i.bytes(v, path)
			return
		}
		for n := range v.Len() {
			i.walk(v.Index(n), fmt.Sprintf("%s[%d]", path, n))
		}
	default:
	}
}

// fields looks into a struct. The config of an entity is the client itself.
func (i *inspector) fields(v reflect.Value, path string) {
	for n := range v.NumField() {
		if f := v.Type().Field(n); f.Name != "config" && f.Type.String() != "time.Time" {
			i.walk(v.Field(n), path+"."+f.Name)
		}
	}
}

func (i *inspector) bytes(v reflect.Value, path string) {
	b := make([]byte, v.Len())
	for n := range b {
		b[n] = byte(v.Index(n).Uint() & 0xff)
	}
	if len(b) == len(i.world.B.Item) && v.Kind() == reflect.Array {
		i.text(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), path)
		return
	}
	i.text(string(b), path)
}

func (i *inspector) text(s, path string) {
	for _, secret := range i.world.secrets() {
		if strings.Contains(s, secret) {
			i.found = fmt.Sprintf("%q of B at %s: %q", secret, path, s)
			return
		}
	}
}

func (i *inspector) number(n int64, path string) {
	b := i.world.B
	switch {
	case n >= int64(b.Secret) && n < int64(b.Secret)*100:
		i.found = fmt.Sprintf("the number %d of B at %s", n, path)
	case b.owns(int(n)) && !i.world.linked(int(n)):
		i.found = fmt.Sprintf("the id %d of B at %s", n, path)
	}
}
