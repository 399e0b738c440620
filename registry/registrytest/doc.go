// Package registrytest holds the tests that every [registry.Store] passes,
// this library's and your own:
//
//	func TestStore(t *testing.T) {
//		registrytest.Run(t, func(t *testing.T) registry.Store {
//			return mystore.New(t.TempDir())
//		}, registrytest.Capabilities{})
//	}
//
// The tests go by what the interface says and by nothing else, so they can be
// read as its examples.
package registrytest
