package registry

import "github.com/redis/go-redis/v9"

// Under a tenant's id is the version of its record, a space, and the entry.
// Without an entry it says that older ones are not to come: someone has
// changed the tenant. Under its identifier is its id.

// anyVersion is above all others: while it stands, no entry comes. Lua's
// numbers are exact up to there.
const anyVersion = 1<<53 - 1

type scripts struct{ find, fill, raise, remove, clear *redis.Script }

func newScripts() scripts {
	return scripts{
		find: redis.NewScript(find), fill: redis.NewScript(fill), raise: redis.NewScript(raise),
		remove: redis.NewScript(remove), clear: redis.NewScript(clearAll),
	}
}

// find returns the id under an identifier, and what is under that id.
const find = `
local id = redis.call('GET', KEYS[1])
if not id then return {} end
return {id, redis.call('GET', ARGV[1] .. id) or ''}`

// fill puts entries in, unless a newer version was seen. For each there are
// two keys and four arguments: id and version, entry and milliseconds to stay.
const fill = versionOf + `
for i = 1, #KEYS / 2 do
	local key, id, version, entry, life = KEYS[2*i-1], ARGV[4*i-3], ARGV[4*i-2], ARGV[4*i-1], ARGV[4*i]
	if version_of(redis.call('GET', key)) <= tonumber(version) then
		redis.call('SET', key, version .. ' ' .. entry, 'PX', life)
		redis.call('SET', KEYS[2*i], id, 'PX', life)
	end
end
return redis.status_reply('OK')`

// raise keeps entries of older versions out from now on. For each key there
// are two arguments: the version, and for how many milliseconds. Before them is for
// how many those stay out that are out already, where it was not known which is the
// tenant's version: a reader may have begun before this change and after that one.
const raise = versionOf + `
for i, key in ipairs(KEYS) do
	local version, life = ARGV[2*i], ARGV[2*i+1]
	local value = redis.call('GET', key)
	if version_of(value) < tonumber(version) then
		redis.call('SET', key, version .. ' ', 'PX', life)
	elseif string.match(value, '^%d+ $') then
		redis.call('PEXPIRE', key, math.max(redis.call('PTTL', key), ARGV[1]))
	end
end
return redis.status_reply('OK')`

// remove takes an entry away if the value is still the one that was read. Its version
// stays, for so many milliseconds: a reader may have begun before the change that made it.
const remove = `
if redis.call('GET', KEYS[1]) == ARGV[1] then
	local version = string.match(ARGV[1], '^(%d+) ')
	if version then
		redis.call('SET', KEYS[1], version .. ' ', 'PX', ARGV[2])
	else
		redis.call('DEL', KEYS[1])
	end
end
return redis.status_reply('OK')`

// clearAll takes entries away, and what leads to them, and returns how many
// that were. Their versions stay, for so many milliseconds, and so does what
// keeps older ones out already: a reader may have begun before a change.
const clearAll = `
local cleared = 0
for _, key in ipairs(KEYS) do
	local version, entry = string.match(redis.call('GET', key) or '', '^(%d+) (.?)')
	if not version then
		cleared = cleared + redis.call('UNLINK', key)
	elseif entry ~= '' then
		redis.call('SET', key, version .. ' ', 'PX', ARGV[1])
		cleared = cleared + 1
	end
end
return cleared`

const versionOf = `
local function version_of(value)
	return value and tonumber(string.match(value, '^(%d+) ')) or 0
end`
