package bench_test

import "testing"

// BenchmarkOperation measures every operation by itself, as
// BenchmarkOperation/<operation>/<backend>/<variant>.
func BenchmarkOperation(b *testing.B) {
	for _, op := range operations() {
		b.Run(op.name, func(b *testing.B) {
			for _, backend := range backends() {
				b.Run(backend, func(b *testing.B) {
					for _, v := range variants() {
						b.Run(v.name, func(b *testing.B) { measure(b, newBench(b, backend, op, v)) })
					}
				})
			}
		})
	}
}

// measure times b.N runs, and not what prepares them.
func measure(b *testing.B, o *bench) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	size := 1000 / o.rows
	for left := b.N; left > 0; left -= size {
		n := min(size, left)
		b.StopTimer()
		o.prepare(b, n)
		b.StartTimer()
		if err := o.batch(n); err != nil {
			b.Fatal(err)
		}
	}
}
