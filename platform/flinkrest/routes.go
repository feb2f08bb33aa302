package flinkrest

// The calls, spelled as in Flink's own endpoint inventory; a contract test compares them with it.
const (
	getConfig        = "GET /config"
	getOverview      = "GET /overview"
	getJMConfig      = "GET /jobmanager/config"
	getJobs          = "GET /jobs/overview"
	getJob           = "GET /jobs/:jobid"
	getStatus        = "GET /jobs/:jobid/status"
	getExceptions    = "GET /jobs/:jobid/exceptions"
	getResult        = "GET /jobs/:jobid/execution-result"
	getCheckpoints   = "GET /jobs/:jobid/checkpoints"
	getCheckpointCfg = "GET /jobs/:jobid/checkpoints/config"
	getJobMetrics    = "GET /jobs/:jobid/metrics"
	getVertexMetrics = "GET /jobs/:jobid/vertices/:vertexid/subtasks/metrics"
	getBackpressure  = "GET /jobs/:jobid/vertices/:vertexid/backpressure"
	cancelJob        = "PATCH /jobs/:jobid"
	postSavepoint    = "POST /jobs/:jobid/savepoints"
	getSavepoint     = "GET /jobs/:jobid/savepoints/:triggerid"
	postStop         = "POST /jobs/:jobid/stop"
	postDisposal     = "POST /savepoint-disposal"
	getDisposal      = "GET /savepoint-disposal/:triggerid"
	getRequirements  = "GET /jobs/:jobid/resource-requirements"
	putRequirements  = "PUT /jobs/:jobid/resource-requirements"
	getJars          = "GET /jars"
	runJar           = "POST /jars/:jarid/run"
	deleteJar        = "DELETE /jars/:jarid"
)
