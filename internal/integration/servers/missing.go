package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// kinds is the kinds of server that tests use.
func kinds() []kind { return []kind{postgres(), mariaDB(), redisServer()} }

// Missing returns one line for each thing that tests need and this machine has not, saying which tests were skipped for the lack of it and
// how to get it. `go test` prints the reasons of skipped tests only with -v.
func Missing(ctx context.Context) []string {
	var lines []string
	for _, k := range kinds() {
		if os.Getenv(k.variable) != "" || answers(ctx, k, k.standard) == nil {
			continue
		}
		if _, err := k.plan(); errors.Is(err, errNotInstalled) {
			lines = append(lines, missing(k.name, k.remedy()))
		}
	}
	if _, err := program("pgbouncer"); err != nil {
		lines = append(lines, missing("PgBouncer", "run `make services`"))
	}
	if _, err := program("initdb"); err != nil {
		lines = append(lines, missing("the program initdb", "run `make services`"))
	}
	if _, _, err := findAtlas(); err != nil {
		lines = append(lines, missing("the Atlas CLI", atlasRemedy))
	}
	return lines
}

func missing(name, remedy string) string {
	return fmt.Sprintf("skipped: the tests that need %s, which is not on this machine; %s", name, remedy)
}
