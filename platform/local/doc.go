// Package local fetches and runs real programs on this machine: a Flink session cluster with SQL Gateway, Prometheus and
// Alertmanager. drey demo and the tests stand on it.
//
// Everything listens on the loopback interface (the metrics reporter of Flink excepted, it knows no other way than all
// interfaces), on ports below 32768 so that no outgoing connection can take one by chance. A program started here runs
// in a process group of its own, so that Ctrl-C in a terminal reaches drey alone and drey can stop it in order; it is ended
// by its own process id and nothing else is touched. On Linux it also dies when drey is killed; elsewhere a drey that
// was killed with SIGKILL leaves its programs behind.
//
// # Cache
//
// [CacheDir] holds what was fetched: flink/VERSION (a Flink home), flink/VERSION.work (the state of an unfinished fetch,
// removed when it is done), flink/VERSION.lock (held by the process that fetches), examples, tools.
// A Flink home carries the file .drey-complete with the size of every file; one that does not match is fetched again.
//
// # Design
//
// Package indexes are only ever asked through their own clients, pip and Maven: these know the mirror, the proxy, the
// certificates and the credentials of the machine. Their downloads are checked once more against the sha256 written down here.
// A cut connection is resumed by pip 25.1 or newer; when the pip at hand is older, a newer one is fetched into the
// cache as a wheel and run from there, nothing is installed. Where neither client can reach an index, DREY_FLINK_ARCHIVE
// names an archive (path or URL) to use instead, with its sum in DREY_FLINK_SHA256; such a download goes on after a restart of drey too.
package local
