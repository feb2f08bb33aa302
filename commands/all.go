package commands

// All is the tree of every command.
func All(d Deps) Tree {
	return NewTree(append(Builtin(),
		flinkJobs(d), flinkJob(d), flinkSQL(d), flinkSession(d), flinkExplain(d), flinkErrors(d), flinkLogs(d),
		flinkDiagnose(d), flinkCheckpoints(d),
		flinkRun(d), flinkJarUpload(d), flinkJarList(d), flinkJarDelete(d),
		flinkSavepoint(d), flinkStop(d), flinkCancel(d), flinkScale(d), flinkRestart(d),
		alertsList(d), alertsShow(d), alertsAck(d), alertsUnack(d), alertsAssign(d), alertsSilence(d), alertsUnsilence(d), alertsSilences(d), alertsTest(d),
		alertsExpand(d), alertsAckAll(d),
		alertsMute(d), alertsMutes(d), alertsUnmute(d), alertsRemute(d), alertsReport(d),
		alertsEscalate(d), alertsOncall(d),
		dreyStatus(d), dreyOperations(d), dreyOperation(d), dreyOperationCancel(d), dreyOperationResume(d), dreyHome(d), dreyLink(d),
	)...)
}
