// Package storage keeps all state of drey in Redis: records, queues with leases, and logs, changed together in one
// script per transaction.
//
// # Where the state lives
//
// [Open] takes one of
//
//	redis://[user:password@]host[:6379][/db]                    one server (also rediss:// for TLS)
//	redis+sentinel://[user:password@]host[:26379],…[/db]?master=NAME   the master that Sentinel names
//	redis+sentinel://NAME@host[:26379],…[/db]                   the same, without a password
//	redis+cluster://[user:password@]host[:6379],…               Redis Cluster, from any seed nodes
//
// with the query keys tls=true, insecure=true (no check of the certificate), pool=N, and for Sentinel master,
// sentinel_user and sentinel_password. Without a URL it starts the redis-server found on PATH, reachable by nobody but
// this process, with an append-only file in Options.Dir; without a redis-server on PATH it keeps the state in memory.
// Redis 6.2 and later and Valkey will do; the server must not evict keys (maxmemory-policy noeviction).
//
// # Keys
//
// An id looks like ROOT or ROOT/REST. The root chooses one of 16 logical shards NN = fnv32a(ROOT) % 16, and every key
// begins with {drey:NN}, a hash tag, so that a script may touch everything under one root on a Redis Cluster too, and
// load spreads over its nodes. The number of shards is part of the stored form: it never changes.
//
//	{drey:NN}:r:TABLE:ID   hash    v version, d JSON; expires with the table's TTL
//	{drey:NN}:i:TABLE      zset    ID by time of the last Put in ms
//	{drey:NN}:k:TABLE      zset    ID, all with score 0: found by prefix
//	{drey:NN}:x:TABLE      zset    ID by time of expiry in ms, only of records that have one; unlisted tables have no i, k and x
//	{drey:NN}:q:QUEUE      zset    ID by when it is due in ms, or, while claimed, by when its lease ends
//	{drey:NN}:f:QUEUE      hash    ID to the fence of its present lease, the time it began in ms or one more than the last fence, which is
//	                               the field ""; a line feed and ID to the fence of the first lease that was not given back
//	{drey:NN}:a:QUEUE      hash    ID to when it is due again, for what was enqueued during a lease
//	{drey:NN}:l:LOG        stream  v JSON
//	{drey:NN}:o:MARK       string  a Once mark, until its TTL
//	{drey:NN}:t:NONCE      string  receipt of a Tx, for a minute
//
// # Secrets
//
// What people typed may hold passwords. Such a text enters a record only as [DB.SealText] makes it: sealed with
// AES-256-GCM under Options.Key, as drey1:KEYID:BASE64. All replicas need the same key. The embedded server makes one for
// the life of its folder, in the file key there (a copy of the folder is whole, a backup of the state needs the key as
// well); a store in memory has a random one; with an outside Redis and no key a secret is refused with ErrNoKey, and what
// holds none is stored as plain:TEXT.
//
// # Design
//
// A receipt is what makes Commit safe to repeat: when the answer to a script is lost, the same Tx is sent again with the
// same nonce and does nothing if it had been applied. Members of the indexes whose record expired are taken out a few at
// a time by later Puts into the same table and shard; readers skip them, so nobody needs to sweep. The clock of leases,
// timers and expiry is the server's: replicas of drey need not agree about the time.
//
// Calls that are made while a round trip is under way share the next one: a pipeline of scripts that are applied each for
// itself. What it costs both ends is mostly the same for one script as for many; a call that comes alone waits for nobody.
//
// Replication of Redis is asynchronous: after a failover the last moments of commits may be gone. Nothing that was half
// committed is ever seen, but what was answered "done" within that moment may run again.
package storage
