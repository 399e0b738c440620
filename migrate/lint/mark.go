package lint

import (
	"fmt"
	"slices"
	"strings"
)

// markPrefix begins a mark in a comment.
const markPrefix = "tenancy:allow"

// mark allows a rule to be broken by one statement.
type mark struct {
	rule   Rule
	reason string
}

// marksOf reads the comments before a statement.
func marksOf(comments []string) []mark {
	var marks []mark
	for _, comment := range comments {
		for line := range strings.Lines(comment) {
			line = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(strings.TrimLeft(line, "-#/* \t")), "*/"))
			if text, ok := strings.CutPrefix(line, markPrefix); ok {
				rule, reason, _ := strings.Cut(strings.TrimSpace(text), " ")
				marks = append(marks, mark{Rule(rule), strings.TrimSpace(reason)})
			}
		}
	}
	return marks
}

// marked takes what is allowed out of found, and returns what is wrong with the
// marks.
func marked(marks []mark, found *[]problem) []problem {
	var wrong []problem
	for _, m := range marks {
		allows := func(p problem) bool { return p.rule == m.rule }
		switch {
		case !m.rule.allowable():
			wrong = append(wrong, problem{Mark, fmt.Sprintf("%s %q: that is no rule that can be allowed", markPrefix, m.rule)})
		case m.reason == "":
			wrong = append(wrong, problem{Mark, fmt.Sprintf("%s %s: say why, after the rule", markPrefix, m.rule)})
		case !slices.ContainsFunc(*found, allows):
			wrong = append(wrong, problem{Mark, fmt.Sprintf("%s %s: the statement does not need it: remove the mark", markPrefix, m.rule)})
		default:
			*found = slices.DeleteFunc(*found, allows)
		}
	}
	return wrong
}
