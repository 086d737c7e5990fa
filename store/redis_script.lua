-- redis_script.lua - what is done to one user's exchanges, each in one piece.
--
-- One script for all operations, so that there is one to load; ARGV[1] names the
-- operation. It runs on the keys of one user, which share a hash tag, and reads one
-- more, the least epoch of a new partition. store/redis_entry.h has the layout.
--
-- Redis does not undo what a failing script has done, so nothing here may fail half
-- way: what is read is read, and decided on, before the first write. Where a change takes
-- something away it begins with that, which Redis allows with its memory full; once a
-- script has written, the rest is allowed too.
--
-- Texts are never compared by order: Lua does that by the server's locale.

local call = redis.call
local meta, log, ids, expiry, lines, sessions, gone, floor = unpack(KEYS)

-- Of an entry, see redis_entry.h. Places count from 1.
local COMPLETE, BLOCK = 1, 3
local FORGOTTEN, SUPERSEDED, SESSION = 1, 2, 3
local LENGTHS, TEXTS = 165, 193
local ABSENT = 4294967295
local ZEROS = string.rep('\0', 32)
local MAX = '\255'

local function num(s)
	return tonumber(s or 0) or 0
end

local function be(n)
	return struct.pack('>I8', n)
end

local function entry_state(e) return e:byte(2) end
local function entry_named(e) return e:byte(3) == 1 end
local function entry_at(e) return struct.unpack('>I8', e, 5) end
local function entry_expires(e) return struct.unpack('>I8', e, 13) end
local function entry_mark(e) return e:sub(21, 36) end
local function entry_prev(e) return e:sub(37, 68) end
local function entry_reply(e) return e:sub(69, 100) end

-- As exchange_bytes().
local function entry_bytes(e, overhead) return #e - TEXTS + 1 + overhead end

-- The members of `lines` that an exchange has: its place in its session; under the reply
-- that it follows; and under its own reply.
local function prev_prefix(e) return entry_mark(e) .. 'p' .. entry_prev(e):sub(1, 16) end
local function reply_prefix(mark, digest) return mark .. 'r' .. digest:sub(1, 16) end

local function members(id, seq, e)
	local mark, n = entry_mark(e), be(seq)
	local v = { mark .. 'x' .. n .. string.char(entry_state(e)) .. e:sub(5, 12) .. id }
	if entry_named(e) and entry_prev(e) ~= ZEROS then
		v[#v + 1] = prev_prefix(e) .. n .. id
	end
	if entry_reply(e) ~= ZEROS then
		v[#v + 1] = reply_prefix(mark, entry_reply(e)) .. n .. id
	end
	return v
end

-- Of a member that begins with `prefix`.
local function member_seq(m, prefix) return struct.unpack('>I8', m, #prefix + 1) end
local function member_id(m) return m:sub(-16) end

local function find_partition()
	local v = call('HMGET', meta, 'epoch', 'forgot', 'head', 'paused', 'n', 'blocks', 'changed', 'oldest')
	return {
		there = v[1] ~= false,
		epoch = num(v[1]),
		forgot = num(v[2]),
		head = num(v[3]),
		paused = num(v[4]),
		n = num(v[5]),
		blocks = num(v[6]),
		changed = num(v[7]),
		oldest = num(v[8]), -- record in `gone`: when it was made; 0: there is none
	}
end

local function least_epoch()
	return math.max(1, num(call('GET', floor)))
end

local function find_or_make()
	local p = find_partition()
	if not p.there then
		p.epoch = least_epoch()
	end
	return p
end

-- `now`: it is a change of its own, from which the partition's age counts.
local function save(p, now)
	p.changed = now or p.changed
	call('HSET', meta, 'epoch', p.epoch, 'forgot', p.forgot, 'head', p.head, 'paused', p.paused,
		'n', p.n, 'blocks', p.blocks, 'changed', p.changed, 'oldest', p.oldest)
end

local function exchanges(p) return p.n - p.blocks end

local function put_gone(p, now, id, kind, seq)
	call('HSET', gone, id, string.format('%d %.0f %.0f %.0f', kind, p.epoch, seq, now))
	if p.oldest == 0 or now < p.oldest then
		p.oldest = now
	end
end

local function parse_gone(s)
	local kind, epoch, seq, at = string.match(s or '0 0 0 0', '^(%d+) (%d+) (%d+) (%d+)$')
	return { kind = num(kind), epoch = num(epoch), seq = num(seq), at = num(at) }
end

-- The name of a session goes with its last exchange; `touched` is a set of marks.
local function settle(touched)
	for mark in pairs(touched) do
		local prefix, from, newest = mark .. 'x', 0, nil
		repeat
			local v = call('ZREVRANGEBYLEX', lines, '[' .. prefix .. MAX, '[' .. prefix, 'LIMIT', from, 32)
			for _, m in ipairs(v) do
				if m:byte(#prefix + 9) ~= BLOCK then
					newest = member_seq(m, prefix)
					break
				end
			end
			from = from + 32
		until newest or #v < 32
		if newest then
			call('ZADD', sessions, newest, mark)
		else
			call('ZREM', sessions, mark)
		end
	end
end

-- Takes one away; 1 where it was an exchange, 0 for a block.
local function remove(p, id, touched)
	local e, seq = call('HGET', log, id), num(call('ZSCORE', ids, id))
	call('HDEL', log, id)
	call('ZREM', ids, id)
	call('ZREM', expiry, id)
	p.n = p.n - 1
	if not e then
		return 0 -- evicted, by a policy that it must not have
	end
	call('ZREM', lines, unpack(members(id, seq, e)))
	if entry_state(e) == BLOCK then
		p.blocks = p.blocks - 1
		return 0
	end
	touched[entry_mark(e)] = true
	return 1
end

-- The older siblings of an exchange (store.h says what one is).
local function siblings(e)
	if not entry_named(e) or entry_state(e) ~= COMPLETE or entry_prev(e) == ZEROS then
		return {}
	end
	local prefix = reply_prefix(entry_mark(e), entry_prev(e))
	local parent = call('ZREVRANGEBYLEX', lines, '[' .. prefix .. MAX, '[' .. prefix, 'LIMIT', 0, 1)[1]
	local after = parent and member_seq(parent, prefix) or 0
	prefix = prev_prefix(e)
	return call('ZRANGEBYLEX', lines, '[' .. prefix .. be(after + 1), '[' .. prefix .. MAX)
end

local function supersede(p, now, e)
	local v, touched, prefix = siblings(e), {}, prev_prefix(e)
	if #v == 0 then
		return
	end
	p.epoch = p.epoch + 1
	for _, m in ipairs(v) do
		remove(p, member_id(m), touched)
		put_gone(p, now, member_id(m), SUPERSEDED, member_seq(m, prefix))
	end
	settle(touched)
end

local function insert(p, id, e)
	p.head = p.head + 1
	p.n = p.n + 1
	call('HSET', log, id, e)
	call('ZADD', ids, p.head, id)
	for _, m in ipairs(members(id, p.head, e)) do
		call('ZADD', lines, 0, m)
	end
	if entry_expires(e) ~= 0 then
		call('ZADD', expiry, entry_expires(e), id)
	end
	if entry_state(e) == BLOCK then
		p.blocks = p.blocks + 1
	else
		call('ZADD', sessions, p.head, entry_mark(e))
	end
end

local op = {}

-- append now id epoch entry
function op.append(now, id, epoch, e)
	now, epoch = num(now), num(epoch)
	local p = find_partition()
	local known = call('ZSCORE', ids, id)
	if known then
		return { 'ok', num(known), exchanges(p) }
	end
	if p.there then
		local v = call('HMGET', gone, id, entry_mark(e))
		local own, session = parse_gone(v[1]), parse_gone(v[2])
		if own.kind == SUPERSEDED and epoch < own.epoch then
			return { 'ok', own.seq, exchanges(p) }
		elseif epoch < own.epoch or epoch < session.epoch or epoch < p.forgot then
			return { 'stale', 0, exchanges(p) }
		elseif p.paused == 1 then
			return { 'paused', 0, exchanges(p) }
		end
	else
		p.epoch = least_epoch()
		-- It began in a partition that has been forgotten and cleared away.
		if epoch ~= 0 and epoch < p.epoch then
			return { 'stale', 0, -1 }
		end
	end
	supersede(p, now, e)
	insert(p, id, e)
	save(p, now)
	return { 'ok', p.head, exchanges(p) }
end

local function head(p)
	return { p.epoch, p.head, num(call('ZRANGE', ids, 0, 0, 'WITHSCORES')[2]), p.paused }
end

local function add_entry(ret, seq, id, e)
	ret[#ret + 1] = seq
	ret[#ret + 1] = id
	ret[#ret + 1] = e
end

-- read since|before cursor bytes overhead: epoch, head, first, paused, then triples
function op.read(direction, cursor, bytes, overhead)
	local ret, full = head(find_partition()), false
	bytes, overhead = num(bytes), num(overhead)
	cursor = '(' .. cursor
	repeat
		local v
		if direction == 'since' then
			v = call('ZRANGEBYSCORE', ids, cursor, '+inf', 'WITHSCORES', 'LIMIT', 0, 64)
		else
			v = call('ZREVRANGEBYSCORE', ids, cursor, '-inf', 'WITHSCORES', 'LIMIT', 0, 64)
		end
		for i = 1, #v, 2 do
			local e = call('HGET', log, v[i])
			bytes = bytes - (e and entry_bytes(e, overhead) or 0)
			full = bytes < 0 and #ret > 4
			if full then
				break
			end
			if e then
				add_entry(ret, num(v[i + 1]), v[i], e)
			end
			cursor = '(' .. v[i + 1]
		end
	until full or #v < 128
	return ret
end

-- get id: as read
function op.get(id)
	local ret = head(find_partition())
	local seq = call('ZSCORE', ids, id)
	local e = seq and call('HGET', log, id)
	if e then
		add_entry(ret, num(seq), id, e)
	end
	return ret
end

-- sessions skip limit: name, exchanges, first, last of each
function op.sessions(skip, limit)
	local ret = {}
	local marks = call('ZREVRANGE', sessions, skip, num(skip) + num(limit) - 1)
	for _, mark in ipairs(marks) do
		local prefix, newest, n, first, last = mark .. 'x', nil, 0, nil, nil
		local v = call('ZRANGEBYLEX', lines, '[' .. prefix, '[' .. prefix .. MAX)
		for _, m in ipairs(v) do
			if m:byte(#prefix + 9) ~= BLOCK then
				local at = struct.unpack('>I8', m, #prefix + 10)
				n, newest = n + 1, member_id(m)
				first = first and math.min(first, at) or at
				last = last and math.max(last, at) or at
			end
		end
		local e = newest and call('HGET', log, newest)
		if e then
			local length = struct.unpack('>I4', e, LENGTHS)
			ret[#ret + 1] = e:sub(TEXTS, TEXTS + length - 1)
			ret[#ret + 1] = n
			ret[#ret + 1] = first
			ret[#ret + 1] = last
		end
	end
	return ret
end

-- user: there, epoch, head, first, paused, exchanges, when the last one was
function op.user()
	local p = find_partition()
	local h, last, from = head(p), 0, 0
	local left = exchanges(p) > 0
	while left do
		local v = call('ZREVRANGE', ids, from, from + 31)
		for _, id in ipairs(v) do
			local e = call('HGET', log, id)
			if e and entry_state(e) ~= BLOCK then
				last, left = entry_at(e), false
				break
			end
		end
		from = from + 32
		left = left and #v == 32
	end
	return { p.there and 1 or 0, h[1], h[2], h[3], h[4], exchanges(p), last }
end

-- User and reply are the last of an entry's texts, and so are their lengths.
local function new_texts(e, new)
	local lengths, from = {}, TEXTS
	for i = 1, 7 do
		lengths[i] = struct.unpack('>I4', e, LENGTHS + 4 * (i - 1))
	end
	for i = 1, 5 do
		from = from + (lengths[i] == ABSENT and 0 or lengths[i])
	end
	local ret = { e:sub(1, LENGTHS + 19), '', '', e:sub(TEXTS, from - 1) }
	for i = 6, 7 do
		local length = lengths[i] == ABSENT and 0 or lengths[i]
		local text = e:sub(from, from + length - 1)
		if new[i] then
			text, lengths[i] = new[i], #new[i]
		end
		from = from + length
		ret[i - 4] = struct.pack('>I4', lengths[i])
		ret[i - 1] = text
	end
	return table.concat(ret)
end

-- edit now id has_user user has_reply reply
function op.edit(now, id, has_user, user, has_reply, reply)
	local p = find_partition()
	local e = call('HGET', log, id)
	if not e or entry_state(e) == BLOCK then
		return { 'absent', 0, p.there and exchanges(p) or -1 }
	end
	call('HSET', log, id, new_texts(e, {
		[6] = has_user == '1' and user or nil,
		[7] = has_reply == '1' and reply or nil,
	}))
	p.epoch = p.epoch + 1
	save(p, num(now))
	return { 'ok', 0, exchanges(p) }
end

local function forget_session(p, mark)
	local prefix, touched, n = mark .. 'x', {}, 0
	local v = call('ZRANGEBYLEX', lines, '[' .. prefix, '[' .. prefix .. MAX)
	for _, m in ipairs(v) do
		n = n + remove(p, member_id(m), touched)
	end
	settle(touched)
	return n
end

-- forget now exchange|session|all id|mark
function op.forget(now, what, name)
	now = num(now)
	local p, n = find_or_make(), 0
	if what == 'exchange' then
		local seq, touched = call('ZSCORE', ids, name), {}
		if not seq then
			return { 'absent', 0, p.there and exchanges(p) or -1 }
		end
		p.epoch = p.epoch + 1
		n = remove(p, name, touched)
		settle(touched)
		put_gone(p, now, name, FORGOTTEN, num(seq))
	elseif what == 'session' then
		p.epoch = p.epoch + 1
		n = forget_session(p, name)
		put_gone(p, now, name, SESSION, 0)
	else
		p.epoch = p.epoch + 1
		p.forgot = p.epoch
		n = exchanges(p)
		call('UNLINK', log, ids, expiry, lines, sessions)
		p.n, p.blocks = 0, 0
	end
	save(p, now)
	return { n > 0 and 'ok' or 'absent', n, exchanges(p) }
end

-- pause now 1|0
function op.pause(now, paused)
	local p = find_or_make()
	if p.paused ~= num(paused) then
		p.epoch = p.epoch + 1
		p.paused = num(paused)
		save(p, num(now))
	elseif not p.there then
		save(p) -- and may go as soon as anybody looks
	end
	return { 'ok', 0, exchanges(p) }
end

-- trim keep slice: 'ok' or 'again'
function op.trim(keep, slice)
	local p, touched, n = find_partition(), {}, 0
	local over, removed = exchanges(p) - num(keep), 0
	local v = over >= 0 and call('ZRANGE', ids, 0, num(slice) - 1) or {}
	for _, id in ipairs(v) do
		local e = call('HGET', log, id)
		if n == over and e and entry_state(e) ~= BLOCK then
			break -- the oldest to keep
		end
		n = n + remove(p, id, touched)
		removed = removed + 1
	end
	if removed > 0 then
		settle(touched)
		save(p)
	end
	return { removed == num(slice) and 'again' or 'ok', n, p.there and exchanges(p) or -1 }
end

-- The oldest record of what is gone, once those made before `before` are dropped.
local function clear_gone(p, before)
	if p.oldest == 0 or p.oldest >= before then
		return
	end
	local v, oldest = call('HGETALL', gone), 0
	for i = 1, #v, 2 do
		local at = parse_gone(v[i + 1]).at
		if at < before then
			call('HDEL', gone, v[i])
		elseif oldest == 0 or at < oldest then
			oldest = at
		end
	end
	p.oldest = oldest
end

-- expire now before age slice: 'again', or 'ok', how many went, how many are left, when to
-- come again (0: never), and the epoch of a partition that may be cleared away (0: not yet)
function op.expire(now, before, age, slice)
	local p, touched, n = find_partition(), {}, 0
	if not p.there then
		return { 'ok', 0, -1, 0, 0 }
	end
	local v = call('ZRANGEBYSCORE', expiry, '-inf', now, 'LIMIT', 0, slice)
	for _, id in ipairs(v) do
		n = n + remove(p, id, touched)
	end
	settle(touched)
	if #v == num(slice) then
		save(p)
		return { 'again', n, exchanges(p), 0, 0 }
	end
	clear_gone(p, num(before))
	save(p)
	local empty = p.n == 0 and p.paused == 0
	if empty and p.changed < num(before) then
		return { 'ok', n, 0, 0, p.epoch }
	end
	local due = num(call('ZRANGE', expiry, 0, 0, 'WITHSCORES')[2])
	for _, since in ipairs({ p.oldest, empty and p.changed or 0 }) do
		if since ~= 0 and (due == 0 or since + num(age) + 1 < due) then
			due = since + num(age) + 1
		end
	end
	return { 'ok', n, exchanges(p), math.min(due, 2 ^ 53), 0 }
end

-- clear epoch: takes an empty partition away, unless something has happened to it
function op.clear(epoch)
	local p = find_partition()
	if not p.there or p.n > 0 or p.paused == 1 or p.epoch ~= num(epoch) then
		return { 'no', 0, p.there and exchanges(p) or -1 }
	end
	call('UNLINK', meta, log, ids, expiry, lines, sessions, gone)
	return { 'ok', 0, -1 }
end

-- These three have keys of their own.

-- raise epoch: KEYS[1] is the least epoch of a new partition
function op.raise(epoch)
	if num(call('GET', KEYS[1])) < num(epoch) then
		call('SET', KEYS[1], epoch)
	end
	return { 'ok', 0, -1 }
end

-- count user n: KEYS are a hash of exchanges by user, and their sum; -1: the user is gone
function op.count(user, n)
	local was = num(call('HGET', KEYS[1], user))
	local is = math.max(0, num(n))
	if is == 0 then
		call('HDEL', KEYS[1], user)
	else
		call('HSET', KEYS[1], user, is)
	end
	call('INCRBY', KEYS[2], is - was)
	return { 'ok', 0, -1 }
end

-- reschedule user lease due: KEYS[1] is when there is something to do; unless another time
-- than the lease was set meanwhile, which may only be made earlier. 0: nothing to do
function op.reschedule(user, lease, due)
	if num(call('ZSCORE', KEYS[1], user)) ~= num(lease) then
		if num(due) > 0 then
			call('ZADD', KEYS[1], 'LT', due, user)
		end
	elseif num(due) > 0 then
		call('ZADD', KEYS[1], due, user)
	else
		call('ZREM', KEYS[1], user)
	end
	return { 'ok', 0, -1 }
end

return op[ARGV[1]](unpack(ARGV, 2))
