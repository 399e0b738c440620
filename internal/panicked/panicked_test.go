package panicked_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/internal/panicked"
)

var errOwn = errors.New("its own")

func call(do func() error) (err error) {
	defer panicked.As(&err, "the store")
	return do()
}

func TestAs(t *testing.T) {
	t.Parallel()
	if err := call(func() error { return nil }); err != nil {
		t.Errorf("nothing panicked: %v", err)
	}
	if err := call(func() error { return errOwn }); !errors.Is(err, errOwn) {
		t.Errorf("an error became %v", err)
	}
	var none []int
	err := call(func() error { none[0]++; return nil })
	var cause runtime.Error
	if !errors.As(err, &cause) || !strings.HasPrefix(err.Error(), "the store panicked: ") {
		t.Errorf("a runtime error became %v", err)
	}
	for _, secret := range []any{"postgres://shop:s3cret@db/shop", errors.New("s3cret")} {
		err = call(func() error { panic(secret) })
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.HasPrefix(err.Error(), "the store panicked with a ") {
			t.Errorf("a panic of a %T became %v", secret, err)
		}
	}
}
