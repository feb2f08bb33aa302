package sqlgateway

// The calls, spelled as in Flink's own endpoint inventory, without the version prefix; a contract test compares them.
const (
	getInfo       = "GET /info"
	openSession   = "POST /sessions"
	closeSession  = "DELETE /sessions/:session_handle"
	heartbeat     = "POST /sessions/:session_handle/heartbeat"
	configure     = "POST /sessions/:session_handle/configure-session"
	postStatement = "POST /sessions/:session_handle/statements"
	getResult     = "GET /sessions/:session_handle/operations/:operation_handle/result/:token"
	getOperation  = "GET /sessions/:session_handle/operations/:operation_handle/status"
	closeOp       = "DELETE /sessions/:session_handle/operations/:operation_handle/close"
	complete      = "GET /sessions/:session_handle/complete-statement"
)
