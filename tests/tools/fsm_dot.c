/* fsm_dot.c: prints every state machine as Graphviz DOT (make fsm-doc). */
#include <stdio.h>

#include "backend/rollout/rollout_fsm.h"

static const struct fsm *const machines[] = {&rollout_fsm};

int main(void)
{
	struct buf out = {0};

	for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++)
		fsm_format_dot(machines[i], &out);
	fputs(buf_text(&out), stdout);
	buf_release(&out);
	return 0;
}
