/* mixture.h: one e-value of a signal over a rollout of J steps (section 3):
 *   E = .5 E_global + .5 (sum of finished steps E_j / J + E_current / J + (J - 1 - current) / J)
 * so that harm that begins late is not held up by all the good that came before. Valid: a slot that
 * was not opened is worth 1, and a restart is paid from the J slots. When they are used up the last
 * one goes on without a restart. */
#ifndef PITHEAD_BACKEND_JUDGE_MIXTURE_H
#define PITHEAD_BACKEND_JUDGE_MIXTURE_H

struct mixture {
	int slots, current;
	double log_finished; /* log of the sum over finished steps; -INFINITY = none */
};

/* `slots` = J >= 1, as many as the plan has steps. */
void mixture_init(struct mixture *m, int slots);

/* A step ends with log E of its process. 1: the caller restarts that process; 0: no slot is left,
 * the process goes on. */
int mixture_next(struct mixture *m, double log_e_step);

/* log E from the process over the whole rollout and that of the current step. */
double mixture_log_e(const struct mixture *m, double log_e_global, double log_e_step);

#endif
