// Package quotatest is the suite that every quota.Store passes:
//
//	func TestStore(t *testing.T) {
//		quotatest.Run(t, func(t *testing.T) quota.Store { return myStore(t) })
//	}
package quotatest
