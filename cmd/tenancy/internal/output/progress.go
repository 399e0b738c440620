package output

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows how far a run is. On a terminal it is a bar with the rate and
// the time that is left, and lines appear above it; elsewhere it is the lines and,
// from time to time, a count. It is not safe for concurrent use.
type Progress struct {
	out io.Writer
	bar *progressbar.ProgressBar // nil where there is no terminal

	total, done int
	start, told time.Time
}

// How often the bar is drawn and, where there is no terminal, a count is written.
const (
	frame = 50 * time.Millisecond
	every = 10 * time.Second
)

// NewProgress begins to show the progress of total steps on w.
func NewProgress(w io.Writer, terminal bool, total int) *Progress {
	now := time.Now()
	p := &Progress{out: w, total: total, start: now, told: now}
	if terminal {
		p.bar = progressbar.NewOptions(max(total, 1),
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription("tenants"),
			progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("tenants"),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetRenderBlankState(true),
			progressbar.OptionUseANSICodes(true),
		)
	}
	return p
}

// Step says that one more is done. A line, if it is not empty, says how.
func (p *Progress) Step(line string) {
	p.done++
	if p.bar == nil {
		p.plain(line)
		return
	}
	if line != "" {
		_ = p.bar.Clear() // what cannot be shown does not stop the run
		_, _ = fmt.Fprintln(p.out, hide(line))
	}
	if p.done > p.total { // tenants that were created meanwhile
		p.total = p.done
		p.bar.ChangeMax(p.total)
	}
	if now := time.Now(); line != "" || now.Sub(p.told) >= frame {
		p.told = now
		_ = p.bar.Set(p.done)
	}
}

func (p *Progress) plain(line string) {
	if line != "" {
		_, _ = fmt.Fprintln(p.out, hide(line))
	}
	if now := time.Now(); now.Sub(p.told) >= every {
		p.told = now
		rate := float64(p.done) / now.Sub(p.start).Seconds()
		left := time.Duration(float64(p.total-p.done) / rate * float64(time.Second)).Round(time.Second)
		_, _ = fmt.Fprintf(p.out, "%d of %d tenants, %.1f/s, %s left\n", p.done, max(p.total, p.done), rate, max(left, 0))
	}
}

// Close ends the display. The bar stays as it was.
func (p *Progress) Close() {
	if p.bar != nil {
		_ = p.bar.Set(p.done)
		_ = p.bar.Exit()
		_, _ = fmt.Fprintln(p.out)
	}
}
