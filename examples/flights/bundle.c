/*
 * bundle.c: a version as it is served: model, vocabulary and the behaviour
 * that serve.conf gives it. The server and the evaluator share it, so what is
 * measured is what is served, faults included.
 */
#include "bundle.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

/* One key of serve.conf: returns NULL, or what the value should be. */
struct setting {
	const char *key;
	const char *(*set)(struct bundle *b, char *value);
};

static const char *set_version(struct bundle *b, char *value);
static const char *set_features(struct bundle *b, char *value);
static const char *set_swap(struct bundle *b, char *value);
static const char *set_slow_ms(struct bundle *b, char *value);
static const char *set_slow_share(struct bundle *b, char *value);
static const char *set_fail_origin(struct bundle *b, char *value);
static const char *set_seed(struct bundle *b, char *value);

static const struct setting settings[] = {
	{.key = "version", .set = set_version},
	{.key = "features", .set = set_features},
	{.key = "swap", .set = set_swap},
	{.key = "slow_ms", .set = set_slow_ms},
	{.key = "slow_share", .set = set_slow_share},
	{.key = "fail_origin", .set = set_fail_origin},
	{.key = "seed", .set = set_seed},
};

static void conf_line(struct bundle *b, char *line, const char *path, int at)
{
	char *key, *value = line;
	const char *want;

	line[strcspn(line, "#\r\n")] = '\0';
	value += strspn(value, " \t");
	if (*value == '\0')
		return;
	key = strsep(&value, " \t");
	if (value == NULL)
		die("%s:%d: \"%s\" has no value", path, at, key);
	value += strspn(value, " \t");
	for (size_t n = strlen(value); n > 0 && value[n - 1] == ' '; n--)
		value[n - 1] = '\0';
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		if (strcmp(settings[i].key, key) != 0)
			continue;
		want = settings[i].set(b, value);
		if (want != NULL)
			die("%s:%d: %s \"%s\": expected %s", path, at, key, value, want);
		return;
	}
	die("%s:%d: unknown key \"%s\"", path, at, key);
}

static void conf_load(struct bundle *b, const char *path)
{
	FILE *f = open_file(path, "r");
	char line[256];
	int at = 0;

	while (fgets(line, sizeof line, f) != NULL)
		conf_line(b, line, path, ++at);
	fclose(f);
	if (b->version[0] == '\0')
		die("%s: no version is given", path);
}

static void model_load(struct bundle *b, const char *path)
{
	int labels[2];

	b->model = load_model(path);
	if (b->model == NULL)
		die("cannot read the model %s", path);
	if (get_nr_class(b->model) != 2 || !check_probability_model(b->model))
		die("%s is not a logistic regression of two classes", path);
	if (get_nr_feature(b->model) != features_count(b->set, &b->vocabulary))
		die("%s has %d features, serve.conf and vocabulary say %d", path,
			get_nr_feature(b->model), features_count(b->set, &b->vocabulary));
	get_labels(b->model, labels);
	if (labels[0] + labels[1] != 1 || labels[0] * labels[1] != 0)
		die("%s: the labels are not 0 and 1", path);
	b->late = labels[0] == 1 ? 0 : 1;
}

void bundle_load(struct bundle *b, const char *model_path)
{
	char dir[4096], path[4200];
	int n = snprintf(dir, sizeof dir, "%s", model_path);
	const char *parent;

	if (n < 0 || (size_t)n >= sizeof dir)
		die("the path of the model is too long");
	parent = dirname(dir);
	memset(b, 0, sizeof *b);
	snprintf(path, sizeof path, "%s/serve.conf", parent);
	conf_load(b, path);
	snprintf(path, sizeof path, "%s/vocabulary", parent);
	vocabulary_load(&b->vocabulary, path);
	model_load(b, model_path);
}

void bundle_release(struct bundle *b)
{
	vocabulary_release(&b->vocabulary);
	if (b->model != NULL)
		free_and_destroy_model(&b->model);
}

double bundle_predict(const struct bundle *b, const struct flight *f)
{
	struct feature_node x[FEATURES_MAX];
	struct flight seen = *f;
	double p[2];

	if (b->swap_hour_dow) {
		/* each in the other's unit, so that both look plausible */
		seen.hour = f->dow * 24.0 / 7.0;
		seen.dow = (int)(f->hour * 7.0 / 24.0);
	}
	features_fill(b->set, &b->vocabulary, &seen, x);
	predict_probability(b->model, x, p);
	return p[b->late];
}

int bundle_is_slow(const struct bundle *b, const void *key, size_t len)
{
	return b->slow_ms > 0 && hash_share(b->seed, key, len) < b->slow_share;
}

static const char *set_version(struct bundle *b, char *value)
{
	/* it is put into JSON as it is */
	if (*value == '\0' || strlen(value) >= sizeof b->version ||
		strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "0123456789._-") != strlen(value))
		return "a short name of letters, digits, \".\", \"_\" and \"-\"";
	strcpy(b->version, value);
	return NULL;
}

static const char *set_features(struct bundle *b, char *value)
{
	return features_parse_set(value, &b->set) ? NULL : "hour or all";
}

static const char *set_swap(struct bundle *b, char *value)
{
	b->swap_hour_dow = 1;
	return strcmp(value, "hour dow") == 0 ? NULL : "hour dow";
}

static const char *set_slow_ms(struct bundle *b, char *value)
{
	double v;

	if (!parse_number(value, 0, 60000, &v))
		return "milliseconds from 0 to 60000";
	b->slow_ms = (unsigned)v;
	return NULL;
}

static const char *set_slow_share(struct bundle *b, char *value)
{
	return parse_number(value, 0, 1, &b->slow_share) ? NULL : "a share from 0 to 1";
}

static const char *set_fail_origin(struct bundle *b, char *value)
{
	if (strlen(value) != AIRPORT_LEN - 1 || !airport_valid(value))
		return "an airport of three capital letters";
	memcpy(b->fail_origin, value, AIRPORT_LEN);
	return NULL;
}

static const char *set_seed(struct bundle *b, char *value)
{
	double v;

	if (!parse_number(value, 0, 4294967295.0, &v))
		return "a whole number from 0 to 4294967295";
	b->seed = (uint64_t)v;
	return NULL;
}
