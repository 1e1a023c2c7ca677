/* test_vectors.c: every test and distance of the judge against its reference values, to 1e-9. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "backend/judge/bounded_mean.h"
#include "backend/judge/calibration.h"
#include "backend/judge/drift.h"
#include "backend/judge/exceedance.h"
#include "backend/judge/paired.h"
#include "backend/judge/proportion.h"
#include "backend/judge/rate.h"
#include "backend/judge/shift.h"
#include "backend/judge/srm.h"
#include "tests/backend/judge/vectors.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static void expect(const char *what, int row, double got, double want)
{
	if (!(fabs(got - want) <= 1e-9))
		fail_msg("%s, row %d: %.17g, want %.17g", what, row, got, want);
}

static enum judge_side side(int harm)
{
	return harm ? SIDE_HARM : SIDE_OK;
}

static void test_theta_and_bets(void **state)
{
	double f[4];

	(void)state;
	for (int i = 0; i < COUNT(vector_theta); i++)
		expect("theta", i,
			proportion_theta(vector_theta[i].ps, vector_theta[i].pc, vector_theta[i].w,
				vector_theta[i].d),
			vector_theta[i].theta);
	for (int i = 0; i < COUNT(vector_bets); i++) {
		proportion_factors(vector_bets[i].ps, vector_bets[i].pc, vector_bets[i].w,
			vector_bets[i].d, side(vector_bets[i].harm), f);
		for (int k = 0; k < 4; k++)
			expect("bets", i, f[k], vector_bets[i].f[k]);
	}
}

static void test_proportion(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT(vector_proportion); i++) {
		struct proportion_bets b;
		struct proportion p;

		proportion_init(&p, side(vector_proportion[i].harm), vector_proportion[i].d,
			vector_proportion[i].p0, vector_proportion[i].n0);
		for (int t = 0; t < vector_proportion[i].n; t++) {
			const double *v = vector_proportion[i].ticks[t];
			struct tick_counts c = {v[3], v[4], v[1], v[2]};

			proportion_begin(&p, v[0], &b);
			proportion_fold(&p, &b, &c);
			expect("proportion", i, proportion_log_e(&p),
				vector_proportion[i].log_e[t]);
		}
	}
}

static void test_bounded_mean(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT(vector_mean); i++) {
		struct bounded_mean p;
		int k = 0;

		bounded_mean_init(&p, side(vector_mean[i].harm), vector_mean[i].d,
			vector_mean[i].m0, vector_mean[i].n0, vector_mean[i].sd0);
		for (int t = 0; t < vector_mean[i].ticks; t++) {
			bounded_mean_begin(&p, vector_mean[i].values[k][1]);
			for (; k < vector_mean[i].n && (int)vector_mean[i].values[k][0] == t; k++)
				bounded_mean_add(&p, (int)vector_mean[i].values[k][2],
					vector_mean[i].values[k][3]);
			expect("mean", i, bounded_mean_log_e(&p), vector_mean[i].log_e[t]);
		}
		assert_int_equal(k, vector_mean[i].n);
	}
}

/* The latencies that the reference values were made with. */
static double latency(int i, int step, int tick, int stride)
{
	return 0.0503 * pow(1.0013, (i * step + tick * stride) % 2000);
}

static void latency_tick(
	const struct exceedance_aim *aim, double tau, int tick, struct tick_counts *c)
{
	*c = (struct tick_counts){.stable_n = 760, .candidate_n = 40};
	for (int i = 0; i < 40; i++)
		c->candidate_events += 1.5 * latency(i, 53, tick, 11) > tau;
	for (int i = 0; i < 760; i++)
		c->stable_events += latency(i, 101, tick, 17) > aim->q;
}

static void test_exceedance(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT(vector_latency); i++) {
		struct latency_histogram *h = calloc(1, sizeof *h);
		struct exceedance_aim aim;
		struct proportion_bets b;
		struct tick_counts c;
		struct proportion p;
		double tau;

		for (int k = 0; k < 2000; k++)
			latency_add(h, latency(k, 7919, 0, 0));
		assert_false(exceedance_aim(h, .99, 0, 500).ready);
		latency_settle(h);
		aim = exceedance_aim(h, vector_latency[i].p, vector_latency[i].x, 500);
		assert_true(aim.ready);
		tau = (1 + vector_latency[i].x) * aim.q;
		expect("q", i, aim.q, vector_latency[i].q);
		expect("tau", i, tau, vector_latency[i].tau);
		proportion_init(&p, side(vector_latency[i].harm), 0, 0, 0);
		for (int t = 0; t < 3; t++) {
			latency_tick(&aim, tau, t, &c);
			exceedance_begin(&p, &aim, .05, &b);
			proportion_fold(&p, &b, &c);
			expect("latency", i, exceedance_log_e(&p), vector_latency[i].log_e[t]);
		}
		expect("stable events", i, c.stable_events, vector_latency[i].counts[1]);
		expect("candidate events", i, c.candidate_events, vector_latency[i].counts[3]);
		free(h);
	}
}

static void test_shift_and_ratio(void **state)
{
	struct shift s;
	struct srm r = {0};

	(void)state;
	shift_init(&s, 4);
	for (int i = 0; i < COUNT(vector_shift); i++) {
		shift_fold(
			&s, vector_shift[i].w, vector_shift[i].candidate, vector_shift[i].stable);
		expect("shift", i, shift_log_e(&s), vector_shift[i].log_e);
	}
	for (int i = 0; i < COUNT(vector_srm); i++) {
		srm_fold(&r, vector_srm[i].w, vector_srm[i].candidate, vector_srm[i].stable);
		expect("srm", i, r.log_e, vector_srm[i].log_e);
	}
}

static void test_pairs(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT(vector_one_rate); i++) {
		struct one_rate p;

		one_rate_init(&p, side(vector_one_rate[i].harm), vector_one_rate[i].r0);
		one_rate_fold(&p, vector_one_rate[i].n, vector_one_rate[i].events);
		expect("one rate", i, one_rate_log_e(&p), vector_one_rate[i].log_e);
	}
	for (int i = 0; i < COUNT(vector_one_mean); i++) {
		struct one_mean p;

		one_mean_init(&p, side(vector_one_mean[i].harm), vector_one_mean[i].d0,
			vector_one_mean[i].lo);
		for (int k = 0; k < vector_one_mean[i].n; k++) {
			if (k % vector_one_mean[i].block == 0)
				one_mean_begin(&p);
			one_mean_add(&p, vector_one_mean[i].xs[k]);
		}
		expect("one mean", i, one_mean_log_e(&p), vector_one_mean[i].log_e);
	}
}

static void test_relative_rate(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT(vector_ratio); i++) {
		struct relative_rate p;

		relative_rate_init(&p, vector_ratio[i].r);
		for (int t = 0; t < vector_ratio[i].n; t++) {
			const double *v = vector_ratio[i].ticks[t];

			relative_rate_fold(&p, v[0], v[1], v[2]);
			expect("ratio", i, relative_rate_log_e(&p), vector_ratio[i].log_e[t]);
		}
	}
}

static void test_distances(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT(vector_psi); i++) {
		const double *r = vector_psi[i].reference, *c = vector_psi[i].current;
		struct psi s = psi_smooth(r, c, 4);

		expect("psi", i, drift_psi_plain(r, c, 4), vector_psi[i].plain);
		expect("psi_smooth", i, s.psi, vector_psi[i].smooth[0]);
		expect("psi_adj", i, s.adjusted, vector_psi[i].smooth[1]);
		expect("psi z", i, s.z, vector_psi[i].smooth[2]);
		expect("js", i, drift_js(r, c, 4, 0), vector_psi[i].js);
		expect("js2", i, drift_js(r, c, 4, 2), vector_psi[i].js2);
	}
	for (int i = 0; i < COUNT(vector_ks); i++) {
		const double *r = vector_ks[i].reference, *c = vector_ks[i].current;

		expect("ks", i, drift_ks(r, vector_ks[i].n, c, vector_ks[i].m), vector_ks[i].ks);
		expect("wasserstein", i, drift_wasserstein(r, vector_ks[i].n, c, vector_ks[i].m),
			vector_ks[i].wasserstein);
	}
	for (int i = 0; i < COUNT(vector_band); i++)
		expect("band", i, drift_band(vector_band[i].n, vector_band[i].alpha),
			vector_band[i].band);
}

static void test_calibration(void **state)
{
	(void)state;
	for (int i = 0; i < COUNT(vector_calibration); i++) {
		struct calibration c =
			calibration_of(vector_calibration[i].y, vector_calibration[i].p,
				vector_calibration[i].n, vector_calibration[i].bins);
		const double got[8] = {c.ece_mass, c.ece_width, c.ece_squared_debiased, c.brier,
			c.rel, c.res, c.unc, c.wb};

		for (int k = 0; k < 8; k++)
			expect("calibration", i * 10 + k, got[k], vector_calibration[i].want[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_theta_and_bets),
		cmocka_unit_test(test_proportion),
		cmocka_unit_test(test_bounded_mean),
		cmocka_unit_test(test_exceedance),
		cmocka_unit_test(test_shift_and_ratio),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_relative_rate),
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_calibration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
