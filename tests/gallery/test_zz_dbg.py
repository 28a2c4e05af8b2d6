from tests.gallery.test_runs import *
from tests.gallery.test_runs import gallery
from workflows_app.models import RunEvent, InboxFact, StepRun
def dump(run):
    run.refresh_from_db(); print("RUN",run.state,run.error, run.degraded)
    for e in RunEvent.objects.filter(run=run).order_by("sequence"): print(e.sequence,e.type,e.path,e.from_state,e.to_state,e.trigger,e.actor,(e.why or '')[:80], str(e.data)[:150])
    for s in StepRun.objects.filter(run=run): print(s.path,s.state,s.reason,s.error)
    print("INBOX", list(InboxFact.objects.values()))
def test_a(gallery):
    workflow = gallery("first-approval")
    with worker_running():
        run = rest(start(workflow, example("first-approval")))
        answer(pending(run)[0], "reject", reason="not our tone")
        try: until(lambda: Run.objects.get(pk=run.pk).state in RUN_TERMINAL, seconds=5)
        except AssertionError: pass
    dump(run)
def test_b(gallery):
    workflow = gallery("message-triage")
    with worker_running():
        run = rest(start(workflow, example("message-triage",1),mode="rehearsal"))
    dump(run)
