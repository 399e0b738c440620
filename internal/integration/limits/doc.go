// Package limits tests rate limits and quotas against a real Redis.
package limits
