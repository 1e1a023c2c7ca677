/* describe.c: events as a person reads them: one table from verb to words. Reads the event's own
 * before and after, so that a description stays true however the world moves on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/acts/change.h"
#include "backend/acts/state.h"
#include "backend/base/xalloc.h"

struct words {
	const char *verb;
	const char *text; /* %n rollout, %v version, %f stable before, %t stable after, %s share
			   * after, %b share before, %e endpoint's name, %g segment, %r its seat, %p
			   * pattern */
};

static const struct words table[] = {
	{"rollout.start", "%p #%n %f -> %v at %s"},
	{"rollout.begin", "#%n %v is ready: %s"},
	{"rollout.advance", "#%n %v from %b to %s"},
	{"rollout.pause", "pause #%n at %s"},
	{"rollout.resume", "resume #%n at %s"},
	{"rollout.promote", "promote #%n %f -> %t"},
	{"rollout.abort", "abort #%n %v, back to %f"},
	{"rollout.approve", "approve #%n %f -> %v"},
	{"rollout.reject", "reject #%n %f -> %v"},
	{"rollout.lapse", "lease of #%n lapsed: %v at 0 %%"},
	{"rollout.harm", "judge aborts #%n %v, back to %f"},
	{"rollout.observe", "observe #%n %f -> %v at %s"},
	{"rollout.moved", "#%n %v from %b to %s, by others"},
	{"rollout.warn", "judge warns of #%n %v; nothing is moved"},
	{"rollout.ended", "#%n has ended: %v gets nothing"},
	{"rollout.superseded", "#%n is watched anew"},
	{"rollout.undecided", "#%n %v stays undecided, back to %f"},
	{"rollout.smoke", "smoke test ends #%n %v"},
	{"rollout.guard", "guard aborts #%n %v, back to %f"},
	{"rollout.promoted", "#%n confirmed: all on %t"},
	{"rollout.aborted", "#%n confirmed: 0 %% on %v"},
	{"rollback", "rollback %f -> %v"},
	{"endpoint.serve", "first version %v"},
	{"override.set", "segment %g to %r, #%n"},
	{"server.drain", "drain %a"},
	{"server.ready", "end the drain of %a"},
	{"spec.apply", "apply %a"},
	{"version.add", "add version %v"},
	{"alert.open", "alert: %a"},
	{"alert.resolve", "alert is over: %a"},
	{"alert.ack", "acknowledge %a"},
	{"engine.start", "engine started"},
	{"engine.stop", "engine stopped"},
	{"engine.restore", "restored from a backup: %a"},
	{"engine.hold", "hold ended: %a"},
	{"engine.backup", "backup taken"},
	{"engine.upgrade", "engine upgrade: %a"},
	{"engine.upgrade.done", "engine upgraded"},
	{"engine.upgrade.back", "engine upgrade taken back"},
	{"line.stop", "STOP THE LINE, %a"},
	{"line.go", "the line goes on: %a"},
	{"freeze.override", "%a"},
	{"proposal.open", "proposal %a"},
	{"proposal.approve", "approve proposal %a"},
	{"proposal.reject", "reject proposal %a"},
	{"denied", "denied: %a"},
};

static const char *text_of(const char *verb)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(table[i].verb, verb) == 0)
			return table[i].text;
	return NULL;
}

static const char *seat(int share_bp)
{
	return share_bp < 0 ? "the split" : share_bp == 0 ? "stable" : "candidate";
}

static void add_word(struct buf *b, char code, const struct event *ev,
	const struct event_state *was, const struct event_state *is)
{
	const char *slash = ev->endpoint ? strchr(ev->endpoint, '/') : NULL;
	char share[16];

	switch (code) {
	case 'n':
		buf_addf(b, "%" PRId64, ev->rollout);
		break;
	case 'v':
		buf_adds(b, ev->version ? ev->version : "?");
		break;
	case 'f':
		buf_adds(b, was->stable[0] ? was->stable : "nothing");
		break;
	case 't':
		buf_adds(b, is->stable[0] ? is->stable : "nothing");
		break;
	case 'e':
		buf_adds(b, slash ? slash + 1 : "");
		break;
	case 'g':
		buf_adds(b, is->segment);
		break;
	case 'r':
		buf_adds(b, seat(is->share_bp));
		break;
	case 'p':
		buf_adds(b, is->pattern[0] ? is->pattern : "canary");
		break;
	case 'a':
		buf_adds(b, is->text[0] ? is->text : ev->subject ? ev->subject : "");
		break;
	case 'b':
	case 's':
		share_format(code == 'b' ? was->share_bp : is->share_bp, share, sizeof share);
		buf_adds(b, share);
		break;
	default:
		buf_addc(b, code);
		break;
	}
}

void event_describe(const struct event *ev, char *out, size_t size)
{
	const char *text = text_of(ev->verb);
	struct event_state was, is;
	struct buf b = {0};

	event_state_parse(ev->before, &was);
	event_state_parse(ev->after, &is);
	if (!text)
		buf_addf(&b, "%s %s", ev->verb, ev->subject ? ev->subject : "");
	for (const char *p = text ? text : ""; *p; p++) {
		if (*p == '%' && p[1])
			add_word(&b, *++p, ev, &was, &is);
		else
			buf_addc(&b, *p);
	}
	str_copy(out, size, buf_text(&b));
	buf_release(&b);
}
