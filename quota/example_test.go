package quota_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/quota"
)

func ExampleNew() {
	quotas, err := quota.New(quota.NewMemory(), map[string]quota.Quota{
		"projects": {Limit: 2, Plans: map[string]int64{"gold": 500}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := tenancy.NewContext(context.Background(), tenancy.Tenant{ID: "acme"})
	fmt.Println(quotas.Consume(ctx, "projects", 2))

	err = quotas.Consume(ctx, "projects", 1)
	var exceeded *quota.ExceededError
	if errors.As(err, &exceeded) {
		fmt.Println(exceeded.Used, "of", exceeded.Limit)
	}
	fmt.Println(quotas.Release(ctx, "projects", 1))
	fmt.Println(quotas.Usage(ctx, "projects"))
	// Output:
	// <nil>
	// 2 of 2
	// <nil>
	// {1 2} <nil>
}

func ExampleNewMemory() {
	quotas, err := quota.New(quota.NewMemory(), map[string]quota.Quota{"seats": {Limit: 5}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(quotas.Consume(context.Background(), "seats", 1))
	// Output: tenancy: no tenant in context: use tenancy.NewContext, or tenancy.System with a reason
}

func ExampleNewRedis() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	defer client.Close()
	store, err := quota.NewRedis(client, quota.RedisConfig{Prefix: "shop:quota:"})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = quota.New(store, map[string]quota.Quota{"seats": {Limit: -1}})
	fmt.Println(err)
	// Output: quota: New: quota "seats": Limit: tenancy: invalid limit: it is -1; it must be from 0 to 9007199254740992
}
