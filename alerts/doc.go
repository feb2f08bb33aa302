// Package alerts turns Alertmanager's webhooks into incidents, and incidents into one thread per channel.
//
//	POST → Receiver: who, how big → Pipeline: decode, name, split; each part: recall dedupe update bind hold match quiet mute storm compose
//	     → one transaction: incident, outbox, story, queues → 200
//	enrich worker     the job behind the labels, later, into the same head message
//	reconcile worker  what Alertmanager really has: silenced, vanished, lost silences
//	mute worker       what a mute time kept back, when it ends
//	due worker        what the clock asks for: reminders of acknowledgements, and their end
//	chart worker      the alert's own expression over the last hour, from Prometheus, once into the thread
//	storm worker      the digest of a channel to which more comes than it can take
//	watch worker      the clusters themselves: jobs that failed, vanished, restart, checkpoint no more
//
// A webhook is answered 2xx only when all it says is stored, and 503 for anything that another try may mend:
// Alertmanager repeats a 5xx within seconds, but a 429 or a 4xx only after its group_interval, and takes a redirect for a success.
//
// # Incidents
//
// A webhook is parted by what its alerts are about (split). What is about one Flink job belongs to the job's episode: its identity
// is hashed of cluster and name, so that the alerts of several groups, receivers and sources, and what drey sees itself, are one
// incident, one record and one thread. A reporter mangles names, so they are compared mangled; with one cluster configured a
// label that names another can only mean that one. An alert with a job's id and no name is about
// the job that the id was seen to be: the watcher, every look at an incident's job, and drey's operations write that down. Alerts
// that say that a whole cluster is down are one incident of the cluster. All others stay together as the group they came in, known
// by our own hash of source, receiver and group labels. Alertmanager's groupKey holds the route's path and changes with its
// configuration; startsAt and externalURL differ between the two halves of a pair. News is what changes the status of a fingerprint: a repeat, a retry or the other half's copy
// says nothing new and vanishes.
//
// When Alertmanager's configuration makes other groups of the alerts of a receiver, what fires would come anew in groups without an
// incident. A way of grouping that was not seen before is taken for the sign of that: for a day from the last such sign every
// alert is looked for in the incidents of the receiver's other groups first, and goes on where it is a member.
//
// An incident is over when none of its alerts fires. An episode is settled when its job runs and has completed a checkpoint since
// then; until it is, what fires again goes on in its thread, however long that takes. In one thread for everything a worse alert
// must not go unheard: one that is more severe than all before calls people again.
//
// While a cluster is down, new incidents of its jobs are held back (Hold), as in a mute time, and the cluster's incident lists
// them with their owners. A minute after it is back, what still fires is told.
//
// What Alertmanager leaves out of a webhook (max_alerts) is asked for at its API and taken in as a webhook would be (Fill).
//
// The id of an incident is a stem of six characters made from that hash, with "-2", "-3" … for the later incidents of the
// group. Stem is the root of everything kept about the group, so that one transaction can change it all:
//
//	table incidents       STEM          the group's newest incident
//	table incidents-past  STEM/SEQ      the earlier ones
//	table alerts-groupings  grouping-HASH   by which labels a receiver's groups were made
//	log   alerts          Entry         what happened, for the audit trail
//	queue alerts-enrich, alerts-reconcile, alerts-mute, alerts-due, alerts-chart   STEM
//	outbox                STEM/SEQ/PLACE/head, STEM/SEQ/PLACE/story/N, STEM/SEQ/PLACE/chart
//
// # Watching
//
// With alerts.watch drey looks at every cluster, one replica at a time by the lease of its item in a queue:
//
//	table watch           watch-HASH    what was seen of a cluster
//	queue alerts-watch    watch-HASH
//
// What is wrong goes through the same stages as a webhook, as the group {cluster, job_name} or {cluster} of the source "drey",
// and so into the episode of the job. Where an incident is bound to the job but not its episode (one_thread_per: group, or a job
// that was known by its id alone), that thread gets a line instead; if it opens later, drey's own ends with a word about that. A job that FINISHED is well; one that was cancelled, and not by an
// operation of drey's, is not, once a second look finds it neither started again nor planned. A job that failed before any look
// saw it run was somebody's experiment. Several jobs that vanish together, with none left, are one incident of the cluster. All
// is told before it is written down: what a crash repeats changes nothing.
//
// # Jobs by their ids
//
//	table alerts-runs     run-HASH      the names of a job's id, by cluster
//	table alerts-aliases  STEM          the incident by the id of a job, for the job that STEM is made from
//
// The webhook does not ask Flink: an id that was never seen makes an incident of its own, as its alerts must not wait. The first
// look at its job tells the name, and from then on the incident is the job's: an alias under the job's own key leads there what
// comes by name, as long as it is open or may open again. Its id, its messages and its place in the store stay; nothing has to
// move. Where the job has an open incident under its name already, both go on until they end, since each has members that can
// only end where they began, and the thread by the id says where the other is.
//
// # Storms
//
// More than alerts.storm.from new heads for one channel within alerts.storm.within are a storm there. From then on what is new
// in the channel has no head but is counted in the storm's digest: one message, edited as the truth changes. After
// alerts.storm.calm without anything new it takes no more; once few of its incidents are open, they get heads, and the digest
// ends. Everything about a channel has the root storm-HASH:
//
//	table weather         storm-HASH        the new heads of late, and whether there is a storm
//	table storms          storm-HASH/N      the Nth storm of the channel
//	table storm-HASH      STEM/SEQ          what the digest says of an incident, written with the incident
//	queue alerts-storm    storm-HASH/N      a look at the storm
//	                      STEM              a minute after an incident joined: is there still a storm?
//	outbox                storm-HASH/N/digest, storm-HASH/N/story/M, and of escalations storm-HASH/N/at/PLACE/short, …/story/M
//
// # Root causes and planned changes
//
//	table causes          cause-FINGERPRINT   how often, where and since when a root cause was seen
//	table alerts-planned  ROOT/OP             what is silenced for an operation of drey's; ROOT/OP is its id
//	queue alerts-planned  ROOT/OP
//
// An exception is counted once, by its run and its time, whoever reads it: enrichment, or the watcher at a restart.
//
// An operation that interrupts its job asks for a look with each of its own transactions (PlanChange). While it lives, a silence
// of minutes by the job's name and cluster is renewed in Alertmanager, found again by the operation in its comment, and new
// incidents of the job are held back. Afterwards they have a while to end by themselves; after a failure they are told at once.
//
// # Routes
//
// Routes are a list rather than Alertmanager's tree: one can be read, moved and explained by itself, and an index finds
// the few of ten thousand that can match. What a route wants in a channel (mentions, buttons, mute times) is kept with the
// incident's Target, so that workers and buttons need no routes. A channel once told stays, whatever matches later.
//
// A muted Target posts nothing new. Its end is computed from the edges of the intervals and stored as a queue item, not
// as a timer: it survives a restart, and a changed configuration is asked again when the item comes up.
//
// # Silences
//
// A silence is made in Alertmanager, which is where alerts are kept quiet; the incident's record (Silence) says what is wanted.
// Its op is minted and stored before Alertmanager is asked, and stands there in the annotation "drey/op", or with an Alertmanager
// before 0.32 at the end of the comment: making a silence is not idempotent, so what an earlier try made is found by its op instead
// of made again. What Alertmanager lost, or could not be asked for, the reconcile worker makes. A silence until its incident
// resolves is one of an hour (silence.keep_for) that is renewed from the middle on, to silence.max at most, and ended with the
// incident: if drey is gone for good, so is it within the hour. An incident with alerts of several sources is silenced in the
// Alertmanager of each, by matchers of its own alerts: parts of one silence (Silence.With), each with an op, an id and a fate of
// its own, told together. It counts as silenced while silences hide all that fires; its head says where a part is missing. Ten
// minutes before a silence ends the thread is told, and at its end people are called anew where the alerts still fire and nobody has taken them, since Alertmanager says nothing until its repeat_interval is over.
// The list of silences is asked of every Alertmanager each time; drey keeps no copy of those that others made.
//
// # Escalation
//
// An incident that its routes give an escalation has a Climb for it. Whether that runs follows from the incident's state alone
// (startEscalation, with every change): it runs while the incident fires and is told anywhere, rests while that is not so, and
// begins anew after that. A step is done in one transaction with its messages, webhooks and the record that it is done:
//
//	queue alerts-escalate   STEM
//	table alerts-callouts   STEM/SEQ/CHAIN/SINCE/STEP     a step's webhook on its way
//	queue alerts-callout    the same
//
// What a storm counts does not climb by itself: the storm does (Ascent), once per chain for all its incidents, by what their rows
// say. Its steps are done with the look at the storm, in one transaction with its record; their ids begin with the storm's.
//
// # Design
//
// Enrichment is not a stage of the pipeline: it asks clusters, and Alertmanager sends everything twice when its receiver
// is slow. The thread appears at once with what the alert says, and the facts are edited in.
//
// Of an expression such as "x > 5" the chart shows x, with 5 as a limit: x > 5 itself has a line only while it fires. A storm is
// not charted to its end: an incident that had to wait five minutes for its chart gets none.
//
// An end that only the API told is doubted for a quarter of an hour: what fires again before Alertmanager's next flush is no change
// to it, so it sends nothing. Until its own resolve has come such an alert is looked for, and taken in as from a webhook.
//
// Reconciliation is spread by incident over a queue rather than run as one loop under a lock: replicas share the work, and
// a claimed batch asks each Alertmanager once, whole when the batch is big and by filter when it is small.
//
// A storm is found by counting the new heads of a channel, in one record of the channel, before the head is put: once per
// incident however often its webhook is tried, over all replicas, and without a look at the outbox, whose depth says nothing
// about how many came at once. It costs a new incident one more round trip in calm weather, and none in a storm: that there is
// one is believed for a second. The digest is made of small rows that are committed together with the incidents, not of the
// incidents: a look at a thousand of them costs milliseconds, nothing is counted twice or left out wherever a process dies, and
// the webhook reads none of it. A webhook may read of a storm that ends in the same moment; the look at every incident that
// joined finds those, so that no transaction need span the two.
//
// An incident that joins a storm rings nobody. Its people are called once, by the digest or in its thread, and then by the
// storm's escalations. A storm therefore
// stops taking incidents as soon as nothing came for a while, even when hundreds are still open: the next one rings again.
//
// Mute times are read by Alertmanager's package timeinterval, which brings one small module with it; its router would
// bring eighty, so the comparison with it goes through amtool in a test.
package alerts
