package commands

// Permissions lists every permission there is, as noun.verb. Policies may name those of commands yet to come.
func Permissions() []string {
	return []string{
		"admin.config", "admin.restart",
		"alert.ack", "alert.escalate", "alert.mute", "alert.read", "alert.silence",
		"audit.read",
		"catalog.read",
		"draft.publish", "draft.read", "draft.review", "draft.write",
		"jar.delete", "jar.read", "jar.run", "jar.upload",
		"job.cancel", "job.lifetime", "job.read", "job.restart", "job.scale", "job.stop",
		"operation.cancel", "operation.read",
		"savepoint.create", "savepoint.delete", "savepoint.read", "savepoint.restore",
		"schedule.read", "schedule.write",
		"source.read", "source.write",
		"sql.code", "sql.read", "sql.write",
		"var.read", "var.write",
	}
}
