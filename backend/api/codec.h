/* codec.h: JSON in and out. The trees are opaque to everybody but the codec files; a tree that is
 * returned is the caller's until it is put into another one or sent by codec_reply. */
#ifndef PITHEAD_BACKEND_API_CODEC_H
#define PITHEAD_BACKEND_API_CODEC_H

#include <stdint.h>

#include "backend/acts/acts.h"
#include "backend/api/request.h"
#include "backend/api/router.h"
#include "backend/api/view.h"

struct cJSON;
struct event_list;

/* Fields of a body, checked against the route's list: unknown, doubled and missing fields, wrong
 * types, bad UTF-8 and NULs are ERR_INVALID naming the field. Empty text is an empty object.
 * NULL on failure; freed by body_free. */
struct body *body_parse(const char *text, size_t n, const struct field *fields, struct err *e);
void body_free(struct body *b);
const char *body_str(const struct body *b, const char *name); /* NULL when absent */
int64_t body_int(const struct body *b, const char *name, int64_t fallback);
int body_bool(const struct body *b, const char *name, int fallback);
int body_is_null(const struct body *b, const char *name); /* there, and null */
/* The list of POST /v1/outcomes: count, and *list (freed by the caller; its texts live as long as
 * b). ERR_INVALID names the item. */
int body_outcomes(const struct body *b, struct outcome_in **list, struct err *e);
/* The same for the list of POST /v1/predictions. */
int body_predictions(const struct body *b, struct prediction_in **list, struct err *e);

/* Building. put takes the value. A NULL text is null; NAN is null. */
struct cJSON *codec_object(void);
struct cJSON *codec_array(void);
void codec_put(struct cJSON *o, const char *key, struct cJSON *value);
void codec_append(struct cJSON *array, struct cJSON *value);
void answer_put_str(struct cJSON *o, const char *key, const char *value);
void answer_put_int(struct cJSON *o, const char *key, int64_t value);
void answer_put_num(struct cJSON *o, const char *key, double value);
void answer_put_bool(struct cJSON *o, const char *key, int value);
void answer_put_json(struct cJSON *o, const char *key, const char *text); /* parsed; null if bad */
struct cJSON *codec_text(const char *value);
/* {"items": items, "next": next}; takes items. */
struct cJSON *codec_page(struct cJSON *items, int64_t next);

/* Prints the tree into the reply with this status and frees it. */
void codec_reply(struct request *rq, int status, struct cJSON *tree);

/* Resources. */
struct cJSON *codec_endpoint(const struct endpoint_view *v);
struct cJSON *codec_endpoint_config(const struct spec_endpoint *config);
/* Servers as last seen at the gateway; replicas (count of them) give the pids. */
struct cJSON *codec_servers(
	const struct live_endpoint *ep, const struct replica_row *replicas, int count);
struct cJSON *codec_rollout(struct world *w, const struct rollout_row *r);
struct cJSON *codec_approval(
	struct world *w, const struct rollout_row *rollout, const struct approval_row *r);
struct cJSON *codec_override(const struct override_row *r);
struct cJSON *codec_signals(struct world *w, const struct rollout_row *r);
struct cJSON *codec_series(const struct live_endpoint *ep, int64_t now_us, int span_s, int points);
struct cJSON *codec_version(struct world *w, const struct version_row *r);
struct cJSON *codec_alert(const struct alert_row *r);
struct cJSON *codec_project(const struct live_project *p);
struct cJSON *codec_whoami(const struct request *rq);
struct cJSON *codec_engine(struct world *w, int brief);
struct cJSON *codec_settings(const struct settings *s);

/* What a rollout was judged by: the card as it stands (NULL = it has no judge), a frozen card, one
 * signal's part of a point (NULL = it has none), the thinned points as an answer (takes them),
 * bytes as base64. */
struct cJSON *codec_live_card(struct world *w, const struct rollout_row *r);
struct cJSON *codec_card(int64_t number, const char *json);
struct cJSON *codec_band_point(const char *json, const char *signal, const char *segment);
struct cJSON *codec_band(const char *signal, const char *segment, struct cJSON *points);
struct cJSON *codec_bytes(const void *data, size_t n);

/* Policy. tier: that which the answer is under. */
struct explanation;
struct cJSON *codec_hold(const struct hold_row *r);
struct cJSON *codec_proposal(struct world *w, const struct proposal_row *r);
struct cJSON *codec_vote(const struct proposal_vote *r);
struct cJSON *codec_explanation(
	const struct live_endpoint *ep, const char *tier, const struct explanation *x);
struct cJSON *codec_what_if(const struct live_endpoint *ep, const char *tier,
	const struct explanation *now, const struct explanation *then);

/* Events: the full record, and as a change with what can be done about it. */
struct cJSON *codec_event(const struct event *ev);
struct cJSON *codec_change(struct world *w, const struct event *ev, int suspicion, const char *why);

/* Acts. */
struct cJSON *codec_plan(const struct act_result *r);
struct cJSON *codec_act(struct world *w, const struct act_result *r, int done, const char *summary);
struct cJSON *codec_spec_plan(const struct spec_plan *plan);
struct cJSON *codec_error_body(struct request *rq, const struct err *e);

/* An act's result as it is kept for a repeated Idempotency-Key, and read again. */
char *codec_result_format(const struct act_result *r);
int codec_result_parse(const char *text, struct act_result *out);

/* The description of the API from the table of routes, OpenAPI 3.1. */
struct cJSON *codec_openapi(void);

#endif
