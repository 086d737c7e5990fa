-- 001.sql - the tables and functions of version 1.
--
-- Every operation is one call of one function: one statement, so one round trip and one
-- transaction without a BEGIN, which is all that a pooler in transaction mode needs to
-- know. A function and no statement of many WITHs, since what changes something first
-- waits for its partition's row: the statements after that have snapshots of their own
-- and see what the one before it has committed, where a single statement would go on
-- with what it saw before it waited.
--
-- A partition's row is locked by whoever changes anything in it, so that its seqs are
-- committed in their order. Nobody waits for a second one, but for expire(), which takes
-- many in order.
--
-- Plans are kept for the life of a connection, and the first are made when the tables are
-- empty and nothing is known of them. So that these are good when the tables are full,
-- no two indexes begin alike, and functions that have an index for all they do say so.
--
-- Functions that are called from outside have a search_path of their own, and those that
-- they call have theirs: in a database that others use too, a schema on the role's path
-- may hold somebody else's function of a built-in one's name.
--
-- All texts are bytea: a text cannot hold U+0000, and names compare as bytes. A
-- partition, and a session of one, go by a keyed hash (key, mark), since an index holds no
-- text of more than 2700 bytes, and what is gone is to leave no name behind.

CREATE TABLE memproxy.meta (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	version integer NOT NULL,
	secret bytea NOT NULL,
	-- Of the next partition: above that of any that is gone, so that no epoch seen
	-- once comes to mean something else.
	epoch bigint NOT NULL
);

CREATE TABLE memproxy.partition (
	p bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	key bytea NOT NULL UNIQUE,
	tenant bytea NOT NULL,
	name bytea NOT NULL,
	epoch bigint NOT NULL,
	forgot bigint NOT NULL DEFAULT 0, -- the epoch that began with its last whole forget
	head bigint NOT NULL DEFAULT 0,
	paused boolean NOT NULL DEFAULT false,
	n bigint NOT NULL DEFAULT 0, -- what is there, with blocks
	blocks bigint NOT NULL DEFAULT 0,
	changed_ms bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70); -- updates stay on their page, and touch no index

CREATE INDEX partition_names ON memproxy.partition (tenant, substr(name, 1, 1000));

CREATE TABLE memproxy.exchange (
	p bigint NOT NULL REFERENCES memproxy.partition,
	seq bigint NOT NULL,
	id bytea NOT NULL,
	mark bytea NOT NULL, -- its session's
	prev bytea,          -- NULL: none
	reply_digest bytea,  -- NULL: none
	state smallint NOT NULL, -- enum exchange_state: 1 complete, 2 cancelled, 3 a block
	named boolean NOT NULL,
	at_ms bigint NOT NULL,
	expires_ms bigint, -- NULL: never
	hashes bytea NOT NULL,
	session bytea NOT NULL,
	user_text bytea,
	reply_text bytea,
	sources bytea,
	client bytea,
	model bytea,
	request_id bytea,
	-- exchange_bytes()
	size bigint GENERATED ALWAYS AS (256 + octet_length(session)
		+ coalesce(octet_length(user_text), 0) + coalesce(octet_length(reply_text), 0)
		+ coalesce(octet_length(sources), 0) + coalesce(octet_length(client), 0)
		+ coalesce(octet_length(model), 0) + coalesce(octet_length(request_id), 0)) STORED,
	PRIMARY KEY (p, seq),
	UNIQUE (id, p)
);

-- Of siblings, and of what they follow: a session in which every reply is the same costs
-- no more than another.
CREATE INDEX exchange_session ON memproxy.exchange (mark, prev, seq);
CREATE INDEX exchange_reply ON memproxy.exchange (mark, reply_digest, seq);
CREATE INDEX exchange_expires ON memproxy.exchange (expires_ms) WHERE expires_ms IS NOT NULL;

-- What is gone, without its text; id: an exchange's, or a session's mark.
CREATE TABLE memproxy.gone (
	p bigint NOT NULL REFERENCES memproxy.partition ON DELETE CASCADE,
	id bytea NOT NULL,
	kind smallint NOT NULL,  -- 1 forgotten, 2 superseded, 3 a session
	epoch bigint NOT NULL,   -- that began with it
	seq bigint NOT NULL,
	gone_ms bigint NOT NULL,
	PRIMARY KEY (p, id)
);

CREATE INDEX gone_when ON memproxy.gone (gone_ms);

-- The partition, locked; made where it is not there, unless what asks for it began at an
-- epoch (not 0) in one that has been cleared away: then NULLs. The lock on meta keeps
-- expire() from raising the epoch between its being read here and the row's being there.
CREATE FUNCTION memproxy.find_or_make(a_key bytea, a_tenant bytea, a_name bytea, a_epoch bigint)
RETURNS memproxy.partition LANGUAGE plpgsql AS $$
DECLARE
	part memproxy.partition;
	v_epoch bigint;
BEGIN
	LOOP
		SELECT * INTO part FROM memproxy.partition h WHERE h.key = a_key FOR UPDATE;
		EXIT WHEN FOUND;
		SELECT m.epoch INTO STRICT v_epoch FROM memproxy.meta m FOR SHARE;
		EXIT WHEN a_epoch <> 0 AND a_epoch < v_epoch;
		INSERT INTO memproxy.partition AS h (key, tenant, name, epoch)
		VALUES (a_key, a_tenant, a_name, v_epoch)
		ON CONFLICT (key) DO NOTHING RETURNING h.* INTO part;
		EXIT WHEN FOUND;
	END LOOP;
	RETURN part;
END $$;

CREATE FUNCTION memproxy.put_gone(a_p bigint, a_id bytea, a_kind integer, a_epoch bigint,
	a_seq bigint, a_now bigint)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO memproxy.gone (p, id, kind, epoch, seq, gone_ms)
	VALUES (a_p, a_id, a_kind, a_epoch, a_seq, a_now)
	ON CONFLICT (p, id) DO UPDATE SET kind = excluded.kind, epoch = excluded.epoch,
		seq = excluded.seq, gone_ms = excluded.gone_ms
$$;

-- Moves older siblings to gone (store/store.h says what a sibling is). How many.
CREATE FUNCTION memproxy.supersede(a_p bigint, a_mark bytea, a_prev bytea, a_epoch bigint,
	a_now bigint)
RETURNS bigint LANGUAGE sql AS $$
	WITH old AS (
		DELETE FROM memproxy.exchange o
		WHERE o.p = a_p AND o.mark = a_mark AND o.prev = a_prev AND o.named
		AND o.seq > coalesce((
			SELECT max(parent.seq) FROM memproxy.exchange parent
			WHERE parent.p = a_p AND parent.mark = a_mark
			AND parent.reply_digest = a_prev), 0)
		RETURNING o.id, o.seq
	), noted AS (
		INSERT INTO memproxy.gone (p, id, kind, epoch, seq, gone_ms)
		SELECT a_p, old.id, 2, a_epoch, old.seq, a_now FROM old
		ON CONFLICT (p, id) DO UPDATE SET kind = excluded.kind, epoch = excluded.epoch,
			seq = excluded.seq, gone_ms = excluded.gone_ms
		RETURNING 1
	)
	SELECT count(*) FROM noted
$$;

-- r_status, of every function that has one: 0, 1 an older epoch than the last forget,
-- 2 paused, 3 not there.

CREATE FUNCTION memproxy.append(
	a_now bigint, a_epoch bigint, a_key bytea, a_tenant bytea, a_name bytea,
	a_id bytea, a_mark bytea, a_prev bytea, a_reply_digest bytea, a_state integer,
	a_named boolean, a_at bigint, a_expires bigint, a_hashes bytea, a_session bytea,
	a_user bytea, a_reply bytea, a_sources bytea, a_client bytea, a_model bytea,
	a_request_id bytea, OUT r_status integer, OUT r_n bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '3s' SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	part memproxy.partition;
	was memproxy.gone;
	v_session_epoch bigint;
	v_superseded bigint := 0;
BEGIN
	r_status := 0;
	part := memproxy.find_or_make(a_key, a_tenant, a_name, a_epoch);
	IF part.p IS NULL THEN
		r_status := 1;
		r_n := 0;
		RETURN;
	END IF;
	SELECT e.seq INTO r_n FROM memproxy.exchange e WHERE e.p = part.p AND e.id = a_id;
	IF FOUND THEN
		RETURN;
	END IF;
	r_n := 0;
	SELECT * INTO was FROM memproxy.gone g WHERE g.p = part.p AND g.id = a_id;
	SELECT g.epoch INTO v_session_epoch FROM memproxy.gone g
	WHERE g.p = part.p AND g.id = a_mark;
	IF was.kind = 2 AND a_epoch < was.epoch THEN
		r_n := was.seq;
	ELSIF a_epoch < greatest(was.epoch, v_session_epoch, part.forgot) THEN
		r_status := 1;
	ELSIF part.paused THEN
		r_status := 2;
	ELSE
		IF a_named AND a_state = 1 AND a_prev IS NOT NULL THEN
			v_superseded := memproxy.supersede(part.p, a_mark, a_prev, part.epoch + 1, a_now);
		END IF;
		r_n := part.head + 1;
		INSERT INTO memproxy.exchange (p, seq, id, mark, prev, reply_digest, state, named,
			at_ms, expires_ms, hashes, session, user_text, reply_text, sources, client,
			model, request_id)
		VALUES (part.p, r_n, a_id, a_mark, a_prev, a_reply_digest, a_state, a_named,
			a_at, a_expires, a_hashes, a_session, a_user, a_reply, a_sources, a_client,
			a_model, a_request_id);
		UPDATE memproxy.partition h SET head = r_n, n = h.n + 1 - v_superseded,
			epoch = h.epoch + (v_superseded > 0)::integer,
			blocks = h.blocks + (a_state = 3)::integer, changed_ms = a_now
		WHERE h.p = part.p;
	END IF;
END $$;

CREATE FUNCTION memproxy.edit(a_now bigint, a_key bytea, a_id bytea, a_user bytea, a_reply bytea,
	OUT r_status integer, OUT r_n bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '3s' SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	v_p bigint;
BEGIN
	r_status := 3;
	r_n := 0;
	SELECT h.p INTO v_p FROM memproxy.partition h WHERE h.key = a_key FOR UPDATE;
	UPDATE memproxy.exchange e SET user_text = coalesce(a_user, e.user_text),
		reply_text = coalesce(a_reply, e.reply_text)
	WHERE e.p = v_p AND e.id = a_id AND e.state <> 3; -- a block has no texts
	IF FOUND THEN
		UPDATE memproxy.partition h SET epoch = h.epoch + 1, changed_ms = a_now
		WHERE h.p = v_p;
		r_status := 0;
	END IF;
END $$;

-- One exchange (a_id), a session (a_mark), or with neither all. A name is kept only where
-- there may be something on its way to be refused.
CREATE FUNCTION memproxy.forget(a_now bigint, a_key bytea, a_tenant bytea, a_name bytea,
	a_id bytea, a_mark bytea, OUT r_status integer, OUT r_n bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '3s' SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	part memproxy.partition;
	v_seq bigint := 0;
	v_rows bigint;
	v_blocks bigint;
BEGIN
	r_status := 3;
	r_n := 0;
	IF a_id IS NOT NULL THEN
		SELECT * INTO part FROM memproxy.partition h WHERE h.key = a_key FOR UPDATE;
		SELECT e.seq INTO v_seq FROM memproxy.exchange e WHERE e.p = part.p AND e.id = a_id;
		IF NOT FOUND THEN
			RETURN;
		END IF;
	ELSE
		part := memproxy.find_or_make(a_key, a_tenant, a_name, 0);
	END IF;
	part.epoch := part.epoch + 1;
	IF a_id IS NOT NULL THEN
		PERFORM memproxy.put_gone(part.p, a_id, 1, part.epoch, v_seq, a_now);
		WITH d AS (
			DELETE FROM memproxy.exchange e WHERE e.p = part.p AND e.seq = v_seq RETURNING e.state
		) SELECT count(*), count(*) FILTER (WHERE d.state = 3) INTO v_rows, v_blocks FROM d;
	ELSIF a_mark IS NOT NULL THEN
		PERFORM memproxy.put_gone(part.p, a_mark, 3, part.epoch, 0, a_now);
		WITH d AS (
			DELETE FROM memproxy.exchange e WHERE e.p = part.p AND e.mark = a_mark RETURNING e.state
		) SELECT count(*), count(*) FILTER (WHERE d.state = 3) INTO v_rows, v_blocks FROM d;
	ELSE
		part.forgot := part.epoch;
		WITH d AS (
			DELETE FROM memproxy.exchange e WHERE e.p = part.p RETURNING e.state
		) SELECT count(*), count(*) FILTER (WHERE d.state = 3) INTO v_rows, v_blocks FROM d;
	END IF;
	UPDATE memproxy.partition h SET epoch = part.epoch, forgot = part.forgot,
		n = h.n - v_rows, blocks = h.blocks - v_blocks, changed_ms = a_now
	WHERE h.p = part.p;
	r_n := v_rows - v_blocks;
	IF r_n > 0 THEN
		r_status := 0;
	END IF;
END $$;

CREATE FUNCTION memproxy.pause(a_now bigint, a_key bytea, a_tenant bytea, a_name bytea,
	a_paused boolean, OUT r_status integer, OUT r_n bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '3s' SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	part memproxy.partition;
BEGIN
	r_status := 0;
	r_n := 0;
	part := memproxy.find_or_make(a_key, a_tenant, a_name, 0);
	UPDATE memproxy.partition h SET paused = a_paused, epoch = h.epoch + 1, changed_ms = a_now
	WHERE h.p = part.p AND h.paused <> a_paused;
END $$;

-- At most a_limit rows: others get their turn before the next of its calls.
CREATE FUNCTION memproxy.trim(a_key bytea, a_keep bigint, a_limit bigint,
	OUT r_n bigint, OUT r_again boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '3s' SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	v_p bigint;
	v_rows bigint;
	v_blocks bigint;
BEGIN
	SELECT h.p INTO v_p FROM memproxy.partition h WHERE h.key = a_key FOR UPDATE;
	-- The oldest of those to keep decides.
	WITH d AS (
		DELETE FROM memproxy.exchange e WHERE e.p = v_p AND e.seq IN (
			SELECT old.seq FROM memproxy.exchange old
			WHERE old.p = v_p AND old.seq < (
				SELECT kept.seq FROM memproxy.exchange kept
				WHERE kept.p = v_p AND kept.state <> 3
				ORDER BY kept.seq DESC OFFSET a_keep - 1 LIMIT 1)
			ORDER BY old.seq LIMIT a_limit)
		RETURNING e.state
	) SELECT count(*), count(*) FILTER (WHERE d.state = 3) INTO v_rows, v_blocks FROM d;
	UPDATE memproxy.partition h SET n = h.n - v_rows, blocks = h.blocks - v_blocks
	WHERE h.p = v_p AND v_rows > 0;
	r_n := v_rows - v_blocks;
	r_again := v_rows = a_limit;
END $$;

-- Records of what was forgotten before a_before, once nothing can be on its way any more,
-- and partitions of which nothing else is left.
CREATE FUNCTION memproxy.clear_away(a_before bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM memproxy.gone g WHERE g.gone_ms < a_before;
	IF EXISTS (SELECT FROM memproxy.partition h
		WHERE h.n = 0 AND NOT h.paused AND h.changed_ms < a_before)
	THEN
		PERFORM FROM memproxy.meta FOR UPDATE;
		WITH d AS (
			DELETE FROM memproxy.partition h
			WHERE h.n = 0 AND NOT h.paused AND h.changed_ms < a_before RETURNING h.epoch
		) UPDATE memproxy.meta m SET epoch = greatest(m.epoch, (SELECT max(d.epoch) + 1 FROM d));
	END IF;
END $$;

CREATE FUNCTION memproxy.stats(OUT r_partitions bigint, OUT r_exchanges bigint, OUT r_bytes bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT count(*), coalesce(sum(h.n - h.blocks), 0)::bigint,
		pg_total_relation_size('memproxy.partition') + pg_total_relation_size('memproxy.exchange')
		+ pg_total_relation_size('memproxy.gone')
	FROM memproxy.partition h
$$;

-- As trim(); and the last of its calls counts.
CREATE FUNCTION memproxy.expire(a_now bigint, a_before bigint, a_limit bigint,
	OUT r_n bigint, OUT r_again boolean, OUT r_partitions bigint, OUT r_exchanges bigint,
	OUT r_bytes bigint)
LANGUAGE plpgsql SET lock_timeout = '3s'
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	v_parts bigint[];
	v_rows bigint;
	v_blocks bigint;
BEGIN
	SELECT array_agg(DISTINCT due.p) INTO v_parts FROM (
		SELECT e.p FROM memproxy.exchange e WHERE e.expires_ms <= a_now LIMIT a_limit) due;
	PERFORM FROM memproxy.partition h WHERE h.p = ANY (v_parts) ORDER BY h.p FOR UPDATE;
	WITH d AS (
		DELETE FROM memproxy.exchange e WHERE (e.p, e.seq) IN (
			SELECT due.p, due.seq FROM memproxy.exchange due
			WHERE due.expires_ms <= a_now AND due.p = ANY (v_parts) LIMIT a_limit)
		RETURNING e.p, e.state
	), c AS (
		SELECT d.p, count(*) AS n, count(*) FILTER (WHERE d.state = 3) AS blocks
		FROM d GROUP BY d.p
	), u AS (
		UPDATE memproxy.partition h SET n = h.n - c.n, blocks = h.blocks - c.blocks
		FROM c WHERE h.p = c.p
	) SELECT coalesce(sum(c.n), 0), coalesce(sum(c.blocks), 0) INTO v_rows, v_blocks FROM c;
	r_n := v_rows - v_blocks;
	r_again := v_rows = a_limit;
	IF NOT r_again THEN
		PERFORM memproxy.clear_away(a_before);
		SELECT s.* INTO r_partitions, r_exchanges, r_bytes FROM memproxy.stats() s;
	END IF;
END $$;

-- Whether one could change something.
CREATE FUNCTION memproxy.ping(OUT r_writable boolean) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT NOT current_setting('transaction_read_only')::boolean
$$;

-- Reads: STABLE, so that each sees one moment. A partition that is not there gives no row;
-- one of which there is nothing to read, a row with its head alone.

CREATE TYPE memproxy.line AS (
	epoch bigint, head bigint, first bigint, paused boolean, x memproxy.exchange);

CREATE FUNCTION memproxy.lines(part memproxy.partition, a_from bigint, a_to bigint, a_back boolean)
RETURNS SETOF memproxy.line LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	v_first bigint := coalesce((SELECT min(e.seq) FROM memproxy.exchange e WHERE e.p = part.p), 0);
BEGIN
	IF a_back THEN
		RETURN QUERY SELECT part.epoch, part.head, v_first, part.paused, e
		FROM memproxy.exchange e WHERE e.p = part.p AND e.seq BETWEEN a_from AND a_to
		ORDER BY e.seq DESC;
	ELSE
		RETURN QUERY SELECT part.epoch, part.head, v_first, part.paused, e
		FROM memproxy.exchange e WHERE e.p = part.p AND e.seq BETWEEN a_from AND a_to
		ORDER BY e.seq;
	END IF;
	IF NOT FOUND THEN
		RETURN QUERY SELECT part.epoch, part.head, v_first, part.paused, NULL::memproxy.exchange;
	END IF;
END $$;

CREATE FUNCTION memproxy.read_since(a_key bytea, a_cursor bigint, a_bytes bigint)
RETURNS SETOF memproxy.line LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	part memproxy.partition;
	r record;
	v_from bigint;
	v_to bigint;
	v_bytes bigint := 0;
BEGIN
	SELECT * INTO part FROM memproxy.partition h WHERE h.key = a_key;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	-- As many as a_bytes hold, and at least one; sizes alone, the texts stay where they are.
	FOR r IN SELECT e.seq, e.size FROM memproxy.exchange e
		WHERE e.p = part.p AND e.seq > a_cursor ORDER BY e.seq
	LOOP
		v_bytes := v_bytes + r.size;
		EXIT WHEN v_from IS NOT NULL AND v_bytes > a_bytes;
		v_from := coalesce(v_from, r.seq);
		v_to := r.seq;
	END LOOP;
	RETURN QUERY SELECT * FROM memproxy.lines(part, v_from, v_to, false);
END $$;

CREATE FUNCTION memproxy.read_before(a_key bytea, a_cursor bigint, a_bytes bigint)
RETURNS SETOF memproxy.line LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	part memproxy.partition;
	r record;
	v_from bigint;
	v_to bigint;
	v_bytes bigint := 0;
BEGIN
	SELECT * INTO part FROM memproxy.partition h WHERE h.key = a_key;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	FOR r IN SELECT e.seq, e.size FROM memproxy.exchange e
		WHERE e.p = part.p AND e.seq < a_cursor ORDER BY e.seq DESC
	LOOP
		v_bytes := v_bytes + r.size;
		EXIT WHEN v_to IS NOT NULL AND v_bytes > a_bytes;
		v_to := coalesce(v_to, r.seq);
		v_from := r.seq;
	END LOOP;
	RETURN QUERY SELECT * FROM memproxy.lines(part, v_from, v_to, true);
END $$;

CREATE FUNCTION memproxy.get(a_key bytea, a_id bytea)
RETURNS SETOF memproxy.line LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
	part memproxy.partition;
	v_seq bigint;
BEGIN
	SELECT * INTO part FROM memproxy.partition h WHERE h.key = a_key;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	SELECT e.seq INTO v_seq FROM memproxy.exchange e WHERE e.p = part.p AND e.id = a_id;
	RETURN QUERY SELECT * FROM memproxy.lines(part, v_seq, v_seq, false);
END $$;

-- The prefix is what the index has; it sorts as the whole name does.
CREATE FUNCTION memproxy.users(a_tenant bytea, a_after_tenant bytea, a_after_name bytea, a_limit bigint)
RETURNS TABLE (r_tenant bytea, r_name bytea, r_epoch bigint, r_head bigint, r_paused boolean,
	r_exchanges bigint, r_first bigint, r_last_ms bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
	SELECT h.tenant, h.name, h.epoch, h.head, h.paused, h.n - h.blocks,
		coalesce((SELECT min(e.seq) FROM memproxy.exchange e WHERE e.p = h.p), 0),
		coalesce((SELECT e.at_ms FROM memproxy.exchange e WHERE e.p = h.p AND e.state <> 3
			ORDER BY e.seq DESC LIMIT 1), 0)
	FROM memproxy.partition h
	WHERE (h.tenant, substr(h.name, 1, 1000)) >= (a_after_tenant, substr(a_after_name, 1, 1000))
	AND (h.tenant, h.name) > (a_after_tenant, a_after_name)
	AND (a_tenant IS NULL OR h.tenant = a_tenant) AND (h.n > h.blocks OR h.paused)
	ORDER BY h.tenant, substr(h.name, 1, 1000), h.name LIMIT a_limit
$$;

CREATE FUNCTION memproxy.sessions(a_key bytea, a_skip bigint, a_limit bigint)
RETURNS TABLE (r_session bytea, r_exchanges bigint, r_first_ms bigint, r_last_ms bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
	SELECT (SELECT e.session FROM memproxy.exchange e WHERE e.p = s.p AND e.seq = s.newest),
		s.n, s.first_ms, s.last_ms
	FROM (
		SELECT e.p, max(e.seq) AS newest, count(*) AS n, min(e.at_ms) AS first_ms,
			max(e.at_ms) AS last_ms
		FROM memproxy.exchange e JOIN memproxy.partition h ON e.p = h.p
		WHERE h.key = a_key AND e.state <> 3
		GROUP BY e.p, e.mark ORDER BY max(e.seq) DESC LIMIT a_limit OFFSET a_skip
	) s ORDER BY s.newest DESC
$$;
