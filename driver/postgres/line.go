package postgres

// line is what can be heard on an idle connection without waiting.
type line int

const (
	lineQuiet    line = iota // nothing, as it should be, or it cannot be told
	lineSpeaking             // the server has said something by itself
	lineDead                 // the other side has hung up
)
