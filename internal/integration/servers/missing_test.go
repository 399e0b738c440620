package servers

import (
	"strings"
	"testing"
)

// TestMissingNamesWhatIsNotThere looks from a machine with nothing in PATH;
// what runs, or is installed where program looks, is not missing.
func TestMissingNamesWhatIsNotThere(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, k := range kinds() {
		t.Setenv(k.variable, "")
		_, installed := k.plan()
		there := answers(t.Context(), k, k.standard) == nil || installed == nil
		named := strings.Contains(strings.Join(Missing(t.Context()), "\n"), "need "+k.name+",")
		if there == named {
			t.Errorf("%s: there: %v, named as missing: %v", k.name, there, named)
		}
		t.Setenv(k.variable, "set")
		if strings.Contains(strings.Join(Missing(t.Context()), "\n"), k.name) {
			t.Errorf("%s is missing although %s is set", k.name, k.variable)
		}
	}
}
