/* test_spec_fault.c: every kind of fault is told with its exact place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "backend/base/xalloc.h"
#include "backend/spec/spec.h"
#include "tests/backend/spec/spec_texts.h"

#define TEN "0123456789"

/* Lines 8 to 11; the first signal's name is in line 11, column 25. */
#define SIGNALS                                                                                    \
	EP "    score: json p\n    outcome: y within 1h\n    segment: json o\n    rollout: "       \
	   "{signals: {"

/* An endpoint that somebody else serves; its last line is 13. */
#define OBSERVED(more)                                                                             \
	"project: p\nendpoints:\n  d:\n    environment: staging\n    mode: observe\n    tier: "    \
	"low\n    metrics:\n      prometheus: http://127.0.0.1:9090\n      arm: proxy\n      "     \
	"stable: a\n      candidate: b\n      requests: r\n      errors: f\n" more

/* The same by posted requests; line 7. */
#define POSTED(metrics)                                                                            \
	"project: p\nendpoints:\n  d:\n    environment: staging\n    mode: observe\n    tier: "    \
	"low\n    metrics: {" metrics "}\n"

/* One fault each, at this place, with these words. */
static const struct {
	const char *text;
	int line, column;
	const char *words;
} cases[] = {
	/* what is no YAML of ours */
	{"", 1, 1, "the file is empty"},
	{"# nothing\n", 1, 1, "the file is empty"},
	{"just text\n", 1, 1, "must be a mapping"},
	{"- project\n", 1, 1, "must be a mapping"},
	{"project: p\n---\nproject: q\n", 2, 1, "a second document"},
	{"%YAML 1.1\n---\nproject: p\n", 1, 1, "directives are not read"},
	{"project: &a p\n", 1, 10, "anchor `&a`"},
	{"project: p\nowner: *a\n", 2, 8, "alias `*a`"},
	{"project: !!str p\n", 1, 10, "tag `tag:yaml.org,2002:str`"},
	{"project: p\nowner: ! x\n", 2, 8, "tag `!`"},
	{"project: p\nproject: q\n", 2, 1, "key `project` stands here twice, first in line 1"},
	{EP "    tier: high\n", 8, 5, "key `tier` stands here twice, first in line 5"},
	{"project: p\naccess:\n  operator: [@oncall]\n", 3, 14,
		"begins with `@` must stand in quotes"},
	{"project: p\nendpoints:\n\td: x\n", 3, 1, "a tab cannot indent"},
	{"project: p\nowner: [a\n", 3, 1, "not YAML"},
	{"project: p\n owner: x\n", 2, 7, "not YAML"},
	{"project: \"p\n", 2, 1, "not YAML"},
	{"project: p\n[a]: b\n", 2, 1, "a key must be a text"},
	{"project: p\n\"\": b\n", 2, 1, "a key is missing before the colon"},
	{"project: p\n\"a\\nb\": c\n", 2, 1, "a key must be on one line"},
	{"project: p\nowner: \"a\\0b\"\n", 2, 8, "control character"},
	{"project: p\nowner: \"a\\u009bb\"\n", 2, 8, "control character"},
	{"project: p\nowner: \xff\n", 2, 8, "not UTF-8"},
	{"project: p\nowner: \xc3\xa4\xc3\n", 2, 9, "not UTF-8"},
	{"project: p\nowner: \xed\xa0\x80\n", 2, 8, "not UTF-8"},
	{"project: p\nowner: \x1b[31m\n", 2, 8, "a control character"},
	{"project: p\rowner: x\n", 1, 11, "carriage return"},
	{"project: p\nowner: a\xe2\x80\xa8z\n", 2, 9, "line separator"},
	{"\xff\xfep\0r\0", 1, 1, "not UTF-8"},
	/* keys and shapes */
	{"owner: x\n", 1, 1, "`project` is missing here"},
	{"project: p\nproyect: q\n", 2, 1, "unknown key `proyect`, expected one of project, owner"},
	{"project: p\nendpoint: {}\n", 2, 1, "did you mean `endpoints`?"},
	{"project: p\nzzzzzzzz: {}\n", 2, 1, "datasets, pipelines, endpoints, tiers"},
	{"project:\n", 1, 9, "`project` is ``, expected a name"},
	{"project: [p]\n", 1, 10, "`project` is a list, expected a text"},
	{"project: Flights\n", 1, 10, "`project` is `Flights`, expected a name"},
	{"project: -x\n", 1, 10, "expected a name"},
	{"project: " TEN TEN TEN TEN TEN TEN "0123\n", 1, 10, "at most 63"},
	{"project: p\nendpoints:\n", 2, 11, "`endpoints` is empty, expected a mapping"},
	{"project: p\nendpoints: [a]\n", 2, 12, "`endpoints` is a list, expected a mapping"},
	{"project: p\nendpoints:\n  D: {environment: sandbox}\n", 3, 3,
		"the name of this endpoint is `D`"},
	{"project: p\nendpoints:\n  d: x\n", 3, 6, "`d` is a text, expected a mapping"},
	{"project: p\ndatasets: [a]\n", 2, 11, "expected a mapping"},
	{"project: p\ndatasets:\n  f: x\n", 3, 6, "`f` is a text, expected a mapping"},
	{"project: p\npipelines:\n  \"a b\": {}\n", 3, 3, "the name of this pipelines"},
	/* the endpoint's rows */
	{EP "    stepz: x\n", 8, 5, "unknown key `stepz`"},
	{EP "    rollout:\n      stepz: x\n", 9, 7,
		"unknown key `stepz`, expected one of pattern, steps, sample, shadow-for, differ, "
		"hold, on-undecided, "
		"segments, keep-hot, "
		"false-abort, signals, did you mean `steps`?"},
	{"project: p\nendpoints:\n  d:\n    tier: low\n    listen: \"[::1]:1\"\n    serve: s\n", 3,
		3, "`environment` is missing here"},
	{"project: p\nendpoints:\n  d:\n    environment: staging\n    listen: \"[::]:1\"\n    "
	 "serve: s\n",
		3, 3, "`tier` is missing here"},
	{"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: low\n    serve: s\n", 3,
		3, "`listen` is missing here"},
	{"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: low\n    listen: "
	 "127.0.0.1:1\n",
		3, 3, "nothing serves endpoint `d`"},
	{"project: p\nendpoints:\n  d:\n    environment: prod\n    tier: low\n    listen: "
	 "127.0.0.1:1\n"
	 "    serve: s\n",
		4, 18, "`environment` is `prod`, expected `sandbox`, `staging` or `production`"},
	{"project: p\nendpoints:\n  d:\n    environment: prodution\n    tier: low\n    listen: "
	 "127.0.0.1:1\n"
	 "    serve: s\n",
		4, 18, "did you mean `production`?"},
	{"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: hihg\n    listen: "
	 "127.0.0.1:1\n"
	 "    serve: s\n",
		5, 11, "did you mean `high`?"},
	{"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: low\n    listen: "
	 "10.0.0.1:1\n"
	 "    serve: s\n",
		6, 13, "expected a loopback address"},
	{"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: low\n    listen: "
	 "127.0.0.1:0\n"
	 "    serve: s\n",
		6, 13, "a port from 1 to 65535"},
	{"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: low\n    listen: "
	 "127.0.0.1:65536\n"
	 "    serve: s\n",
		6, 13, "a port from 1 to 65535"},
	{"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: low\n    listen: 8100\n"
	 "    serve: s\n",
		6, 13, "expected HOST:PORT"},
	{"project: p\nendpoints:\n  d:\n    environment: staging\n    tier: low\n"
	 "    listen: \"127.0.0.1 user root:80\"\n    serve: s\n",
		6, 13, "expected a loopback address"},
	{EP "  e:\n    environment: staging\n    tier: low\n    listen: localhost:8100\n    serve: "
	    "s\n",
		11, 13, "which endpoint `d` takes already (line 3)"},
	{EP "  e:\n    environment: staging\n    tier: low\n    listen: 0.0.0.0:8100\n    serve: "
	    "s\n",
		11, 13, "takes already"},
	{EP "    mode: batch\n", 8, 11,
		"`mode` is `batch`, which is not there yet, expected `online` or `observe`"},
	{EP "    mode: asink\n", 8, 11, "expected `online`"},
	{EP "    replicas: 17\n", 8, 15,
		"`replicas` is `17`, expected a whole number from 1 to 16"},
	{EP "    replicas: 0\n", 8, 15, "whole number"},
	{EP "    replicas: 1e1\n", 8, 15, "whole number"},
	{EP "    replicas: -1\n", 8, 15, "whole number"},
	{EP "    replicas: 99999999999999999999\n", 8, 15, "whole number"},
	{EP "    health: healthz\n", 8, 13, "begins with `/`"},
	{EP "    health: TCP\n", 8, 13, "expected `tcp`, or a path"},
	{EP "    health: \"/x\\nbackend evil\"\n", 8, 13, "begins with `/`"},
	{EP "    health: /x#y\n", 8, 13, "begins with `/`"},
	{EP "    key: X-Flight\n", 8, 10, "expected `header NAME` or `json PATH`"},
	{EP "    key: header X Flight\n", 8, 10,
		"expected nothing after the header name but `else random`"},
	{EP "    key: \"header X)}\\n\"\n", 8, 10, "expected a header name"},
	{EP "    key: header $X\n", 8, 10, "expected a header name"},
	{EP "    key: json a..b\n", 8, 10, "a name between its dots"},
	{EP "    key: header\n", 8, 10, "expected `header NAME`"},
	{EP "    segment: header X else random\n", 8, 14, "expected nothing after the header name"},
	{EP "    timeout: 99ms\n", 8, 14, "expected a time from 100ms to 1m"},
	{EP "    timeout: 61s\n", 8, 14, "expected a time"},
	{EP "    timeout: 2\n", 8, 14, "expected a time"},
	{EP "    score: jsn x\n", 8, 12, "expected `header NAME` or `json PATH`"},
	{EP "    features: json a\n", 8, 15, "`features` is a text, expected a list"},
	{EP "    features: [json a, json a]\n", 8, 24, "stands in this list already"},
	{EP "    features: [json a, [json b]]\n", 8, 24, "`features` is a list, expected a text"},
	{EP "    task: clasification\n", 8, 11,
		"`binary`, `multiclass`, `regression` or `ranking`"},
	{EP "    outcome: late\n", 8, 14, "NAME within DURATION"},
	{EP "    outcome: late within ever\n", 8, 14, "expected a time from 1s to 90d"},
	{EP "    outcome: La te within 1h\n", 8, 14, "before `within`"},
	{EP "    runbook: \"a\\nb\"\n", 8, 14, "on one line"},
	{EP "    versions: {v1: {}}\n", 8, 16, "`upstream` is missing here"},
	{EP "    versions: {v1: {upstream: \"h:1, h:1\"}}\n", 8, 31, "one server stands twice"},
	{EP "    versions: {v1: {upstream: \"h\"}}\n", 8, 31, "expected HOST:PORT"},
	{EP "    versions: {v1: {upstream: []}}\n", 8, 31, "needs at least 1 member"},
	{EP "    versions: {v1: {upstream: [h:1, tls i:2]}}\n", 8, 31, "expected HOST:PORT"},
	{EP "    versions: {v1: {upstream: \"tls 10.0.0.7:443\"}}\n", 8, 16,
		"certificates are for names: add `server-name"},
	{EP "    versions: {v1: {upstream: \"h:1\", verify: none}}\n", 8, 16,
		"has `verify` without TLS"},
	{EP "    versions: {v1: {upstream: \"h:1\", server-name: h}}\n", 8, 16,
		"has `server-name` without TLS"},
	{EP "    versions: {v1: {upstream: \"tls h:1\", server-name: 10.0.0.7}}\n", 8, 55,
		"expected a host name"},
	{EP "    versions: {v1: {upstream: \"h:1\", connections: 0}}\n", 8, 51,
		"expected a whole number from 1"},
	{EP "    versions: {v1: {upstream: \"tls h:1\", verify: never}}\n", 8, 50,
		"expected `required` or `none`"},
	{EP "    ca: /etc/ssl/ca.pem\n", 8, 9, "the text and not a file's name"},
	{EP "    ca: |\n" CA_LINES "      -----BEGIN CERTIFICATE-----\n", 8, 9,
		"not all that begins in it is a whole certificate"},
	{EP "    ca: |\n" CA_LINES "      -----BEGIN PRIVATE KEY-----\n", 8, 9, "a private key"},
	{EP "    versions: {v1: {upstream: \"h:1 check\"}}\n", 8, 31, "expected HOST:PORT"},
	{EP "    versions: {v1: {upstream: \"h:1,\"}}\n", 8, 31, "expected HOST:PORT"},
	{EP "    versions: {v1: {upstream: \"a:1,b:1,c:1,d:1,e:1,f:1,g:1,h:1,i:1\"}}\n", 8, 31,
		"at most 8"},
	{EP "    versions: {V1: {upstream: \"h:1\"}}\n", 8, 16, "the name of this version is `V1`"},
	/* the rollout's rows */
	{EP "    rollout: {pattern: phased}\n", 8, 24,
		"`pattern` is `phased`, which is not there yet"},
	{EP "    rollout: {pattern: canari}\n", 8, 24, "did you mean `canary`?"},
	{EP "    rollout: {steps: []}\n", 8, 22, "needs at least 1 member"},
	{EP "    rollout: {steps: [5% 1m, 5% 2m]}\n", 8, 30, "a larger share than the step before"},
	{EP "    rollout: {steps: [5%]}\n", 8, 23, "expected a share and a time"},
	{EP "    rollout: {steps: [101% 1m]}\n", 8, 23, "expected a share from"},
	{EP "    rollout: {steps: [0% 1m]}\n", 8, 23, "expected a share from"},
	{EP "    rollout: {steps: [5% soon]}\n", 8, 23, "expected a time"},
	{EP "    rollout:\n      steps: 5% 1m, 1% 1m\n", 9, 14, "a larger share"},
	{EP "    rollout: {hold: 0s}\n", 8, 21, "expected a time from 1s to 30d"},
	{EP "    rollout: {false-abort: 50%}\n", 8, 28, "expected a rate"},
	{EP "    rollout: {signals: {error_rate: \"\"}}\n", 8, 37,
		"`error_rate` is ``, expected a text"},
	{EP "    rollout: {signals: [a]}\n", 8, 24, "`signals` is a list, expected a mapping"},
	/* signals: their names, their words, their numbers */
	{SIGNALS "outcom:spent: watch}}\n", 11, 25, "did you mean `outcome:spent`?"},
	{SIGNALS "zzzzzzzzz: watch}}\n", 11, 25,
		"which is no signal, expected one of error_rate, latency_p50,"},
	{SIGNALS "zzzzzzzzz: watch}}\n", 11, 25, "label_rate, outcome:NAME"},
	{SIGNALS "\"outcome:\": watch}}\n", 11, 25, "a name of at most 40 small letters"},
	{SIGNALS "\"outcome:Late\": watch}}\n", 11, 25, "at most 40 small letters"},
	{SIGNALS "\"outcome:" TEN TEN TEN TEN "x\": watch}}\n", 11, 25, "at most 40"},
	{SIGNALS "brier: watch, brier: watch}}\n", 11, 39, "stands here twice"},
	{SIGNALS "brier: [watch]}}\n", 11, 32, "`brier` is a list, expected a text"},
	{SIGNALS "brier: critcal worse-by 1}}\n", 11, 32,
		"where `critcal` stands, expected any of critical, watch, worse-by AMOUNT, "
		"harm-at AMOUNT, did you mean critical"},
	{SIGNALS "brier: worse-by 0.1 psi 1}}\n", 11, 32, "where `psi` stands"},
	{SIGNALS "brier: worse-by 0.1 of 0..1}}\n", 11, 32, "where `of` stands"},
	{SIGNALS "brier: worse-by 0.1 lower-is-worse}}\n", 11, 32, "where `lower-is-worse`"},
	{SIGNALS "brier: worse-by 0.1 worse-by 0.2}}\n", 11, 32, "`worse-by` stands twice"},
	{SIGNALS "brier: watch worse-by 0.1 critical}}\n", 11, 32, "either critical or watch"},
	{SIGNALS "brier: worse-by}}\n", 11, 32, "expected a number from 0 up, such as worse-by"},
	{SIGNALS "brier: worse-by nan}}\n", 11, 32, "expected a number from 0 up"},
	{SIGNALS "brier: worse-by inf}}\n", 11, 32, "expected a number from 0 up"},
	{SIGNALS "brier: worse-by 1e-2}}\n", 11, 32, "expected a number from 0 up"},
	{SIGNALS "brier: worse-by -0.1}}\n", 11, 32, "expected a number from 0 up"},
	{SIGNALS "brier: worse-by 1-2}}\n", 11, 32, "expected a number from 0 up"},
	{SIGNALS "brier: worse-by 0.1pp}}\n", 11, 32, "expected a number from 0 up"},
	{SIGNALS "brier: worse-by 0}}\n", 11, 32, "expected worse-by above 0"},
	{SIGNALS "brier: worse-by 1}}\n", 11, 32,
		"expected worse-by below 1, its values lie in 0..1"},
	{SIGNALS "log_loss: worse-by 5}}\n", 11, 35, "expected worse-by below 5"},
	{SIGNALS "calibration: worse-by 2}}\n", 11, 38, "its values lie in -1..1"},
	{SIGNALS "\"outcome:x\": worse-by 3}}\n", 11, 38, "unless `of LOW..HIGH` says others"},
	{SIGNALS "score_mean: worse-by 3 of 0..3}}\n", 11, 37, "expected worse-by below 3"},
	{SIGNALS "score_mean: worse-by 1 of 3..0}}\n", 11, 37, "the lower one first"},
	{SIGNALS "score_mean: worse-by 1 of 3}}\n", 11, 37, "expected two bounds"},
	{SIGNALS "score_mean: worse-by 1 of}}\n", 11, 37, "expected two bounds"},
	{SIGNALS "brier: watch harm-at 0.1}}\n", 11, 32, "which must stand beside it"},
	{SIGNALS "error_rate: worse-by 100pp}}\n", 11, 37, "a difference below 100 points"},
	{SIGNALS "error_rate: worse-by -1%}}\n", 11, 37, "a difference below 100 points"},
	{SIGNALS "error_rate: worse-by pp}}\n", 11, 37, "a difference below 100 points"},
	{SIGNALS "latency_p99: worse-by 2pp}}\n", 11, 38, "a part of stable's time"},
	{SIGNALS "latency_p99: worse-by 20%%}}\n", 11, 38, "a part of stable's time"},
	{SIGNALS "score_shift: critical}}\n", 11, 38, "such as critical psi 0.2"},
	{SIGNALS "score_shift: psi 0}}\n", 11, 38, "expected a number above 0"},
	{SIGNALS "score_shift: worse-by 1}}\n", 11, 38,
		"where `worse-by` stands, expected any of critical, watch, psi NUMBER"},
	{SIGNALS "label_rate: worse-by 1pp}}\n", 11, 37,
		"expected nothing but watch: it cannot decide"},
	{SIGNALS "label_rate: watch}}\n", 11, 24, "none that can tell harm, such as error_rate"},
	{SIGNALS "error_rate: watch, latency_p50: watch, latency_p90: watch, latency_p99: watch, "
		 "brier: watch, log_loss: watch, calibration: watch, confidence: watch, "
		 "score_mean: watch}}\n",
		11, 24, "has 9 that are compared, and in a rollout at most 8 are"},
	{EP "    rollout: {signals: {label_rate: watch, error_rate: watch}}\n", 8, 37,
		"it needs `outcome` at the endpoint"},
	{EP "    rollout: {signals: {score_mean: watch}}\n", 8, 37,
		"it needs `score` at the endpoint"},
	{EP "    score: json p\n    outcome: y within 1h\n    task: ranking\n"
	    "    rollout: {signals: {log_loss: watch}}\n",
		11, 35, "belongs to task binary or multiclass, and this one is `ranking`"},
	{EP "    score: json p\n    outcome: y within 1h\n    task: binary\n"
	    "    rollout: {signals: {absolute_error: worse-by 0.3 of 0..1}}\n",
		11, 41, "belongs to task regression"},
	/* the other rows that the judge reads */
	{EP "    rollout: {on-undecided: wait}\n", 8, 29, "expected `pause`, `page` or `abort`"},
	{EP "    segment: json o\n    rollout: {segments: []}\n", 9, 25, "at least 1 member"},
	{EP "    segment: json o\n    rollout: {segments: [A, A]}\n", 9, 29, "this list already"},
	{EP "    segment: json o\n    rollout: {segments: [A, largest 3]}\n", 9, 29,
		"either names or `largest N`"},
	{EP "    segment: json o\n    rollout: {segments: [other]}\n", 9, 26,
		"what all segments are called that are not named here"},
	{EP "    segment: json o\n    rollout: {segments: [a b]}\n", 9, 26, "at most 60 letters"},
	{EP "    segment: json o\n    rollout: {segments: largest 0}\n", 9, 25, "largest 1 to"},
	/* access and tiers */
	{"project: p\ntiers: {high: {approve: end}}\n", 2, 25, "`start`, `promote` or `both`"},
	{"project: p\ntiers: {high: {freeze: \"\"}}\n", 2, 24, "`freeze` is ``, expected a text"},
	{"project: p\ntiers: {high: {freeze: [a, [b]]}}\n", 2, 28, "expected a text"},
	{"project: p\ntiers: {high: {freeze: [1, 2, 3, 4, 5, 6, 7, 8, 9]}}\n", 2, 49,
		"more than 8 members"},
	{"project: p\ntiers: {high: {late-outcomes: maybe}}\n", 2, 31, "`allow` or `refuse`"},
	{"project: p\ntiers: {high: {on-undecided: wait}}\n", 2, 30, "or `abort`"},
	{"project: p\ntiers: {high: {signals: [brier, brier]}}\n", 2, 33, "this list already"},
	{"project: p\ntiers: {high: {signals: [bier]}}\n", 2, 26, "did you mean `brier`?"},
	{"project: p\ntiers: {high: {signals: [throughput]}}\n", 2, 26, "is never critical"},
	{"project: p\naccounts: {\"@ci\": robot}\n", 2, 12, "expected a unix user"},
	{"project: p\naccounts: {ci: robot, ci: shared}\n", 2, 23, "stands here twice"},
	{"project: p\naccounts: [ci]\n", 2, 11, "`accounts` is a list, expected a mapping"},
	{"project: p\naccess: {opertor: [a]}\n", 2, 10,
		"unknown role `opertor`, expected one of admin, operator, "
		"approver, developer, auditor, service, did you mean `operator`?"},
	{"project: p\naccess: {admin: root}\n", 2, 17, "`admin` is a text, expected a list"},
	{"project: p\naccess: {admin: [\"a b\"]}\n", 2, 18, "expected a unix user or \"@group\""},
	{"project: p\naccess: {admin: [a, \"@b\", a]}\n", 2, 27, "stands in this list already"},
	{"project: p\ntiers: {hgih: {}}\n", 2, 9,
		"unknown tier `hgih`, expected one of low, medium, high"},
	{"project: p\ntiers: {high: {approvals: 6}}\n", 2, 27, "whole number from 0 to 5"},
	{"project: p\ntiers: {high: {rollback: 2h}}\n", 2, 26, "expected a time from 100ms to 1h"},
	{EP "    rollout: {signals: {eror_rate: watch}}\n", 8, 25, "did you mean `error_rate`?"},
	{EP "    rollout: {signals: {error_rate: critical worse-by 5}}\n", 8, 37,
		"such as worse-by 0.5pp"},
	{EP "    rollout: {signals: {error_rate: critical}}\n", 8, 37,
		"how much worse is too much"},
	{EP "    rollout: {signals: {error_rate: critical worse-by 1pp harm-at 2pp}}\n", 8, 37,
		"harm-at not above worse-by"},
	{EP "    rollout: {signals: {latency_p99: critical worse-by 0.2}}\n", 8, 38,
		"such as worse-by 20%"},
	{EP "    rollout: {signals: {throughput: critical}}\n", 8, 37, "watch: it cannot decide"},
	{EP "    rollout: {signals: {brier: critical worse-by 0.01}}\n", 8, 32,
		"signal `brier` cannot be delivered: it needs `score` at the endpoint"},
	{EP "    score: json p\n    rollout: {signals: {brier: critical worse-by 0.01}}\n", 9, 32,
		"signal `brier` cannot be delivered: it needs `outcome` at the endpoint"},
	{EP "    score: json p\n    outcome: y within 1h\n    task: regression\n"
	    "    rollout: {signals: {brier: critical worse-by 0.01}}\n",
		11, 32, "belongs to task binary"},
	{EP "    score: json p\n    outcome: y within 1h\n    task: regression\n"
	    "    rollout: {signals: {absolute_error: critical worse-by 3}}\n",
		11, 41, "needs the bounds"},
	{EP "    rollout: {segments: [A, B]}\n", 8, 25, "need `segment` at the endpoint"},
	{EP "    segment: json o\n    rollout: {segments: largest 17}\n", 9, 25, "largest 16"},
	{"project: p\ntiers: {high: {soak: soon}}\n", 2, 22, "expected a time"},
	{"project: p\ntiers: {high: {step-most: 0%}}\n", 2, 27, "expected a share"},
	{"project: p\naccounts: {ci: person}\n", 2, 16, "expected `robot` or `shared`"},
	{"project: p\naccounts: {ci: {kind: person}}\n", 2, 23, "expected `robot` or `shared`"},
	{"project: p\naccounts: {ci: {may: [status]}}\n", 2, 12, "`kind` is missing here"},
	{"project: p\naccounts: {ci: {kind: robot, may: []}}\n", 2, 35, "at least 1 member"},
	{"project: p\naccounts: {ci: {kind: robot, may: [rollout strat]}}\n", 2, 36,
		"did you mean `rollout start`?"},
	{"project: p\naccounts: {ci: {kind: robot, may: [status, status]}}\n", 2, 44,
		"stands in this list already"},
	{"project: p\naccounts: {ci: [robot]}\n", 2, 16, "`ci` is a list, expected a mapping"},
	{"project: p\naccounts: {ci: ''}\n", 2, 16, "expected `robot` or `shared`"},
	{"project: p\ntiers: {high: {freze: x}}\n", 2, 16, "did you mean `freeze`?"},
	/* an endpoint that is only looked at */
	{OBSERVED("") "    listen: 127.0.0.1:80\n", 14, 5, "`listen` means nothing here"},
	{OBSERVED("") "    serve: ./x\n", 14, 5, "`serve` means nothing here"},
	{OBSERVED("") "    rollout: {steps: 5% 5m}\n", 14, 15, "`steps` means nothing here"},
	{OBSERVED("") "    rollout: {signals: {latency_p99: critical worse-by 20%}}\n", 14, 38,
		"needs `latency` in `metrics`"},
	{OBSERVED("") "    rollout: {signals: {score_mean: watch}}\n", 14, 37, "has counts only"},
	{OBSERVED("      every: 1m\n      stale: 90s\n"), 15, 14, "at least twice `every`"},
	{OBSERVED("      bearer: /t\n      basic: /b\n"), 15, 14, "one login is used"},
	{OBSERVED("      latency-unit: us\n"), 14, 21, "expected `s` or `ms`"},
	{OBSERVED("      from: graphite\n"), 14, 13, "expected `prometheus` or `predictions`"},
	{POSTED("from: predictions, stable: a, candidate: b, arm: x"), 7, 59,
		"`arm` means nothing beside `from: predictions`"},
	{POSTED("from: predictions, stable: a"), 7, 14, "`candidate` is missing in `metrics`"},
	{POSTED("from: predictions, stable: a, candidate: a"), 7, 56, "as `stable` is"},
	{EP "    metrics: {arm: x}\n", 8, 14, "belongs to `mode: observe`"},
};

static void one_fault_at_its_place(void **state)
{
	(void)state;
	assert_true(sizeof cases / sizeof cases[0] >= 60);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct spec_faults f = {0};
		struct err e = {0};
		struct spec *s = spec_parse(cases[i].text, strlen(cases[i].text), "p.yaml", &f, &e);

		if (s || f.count != 1 || f.list[0].line != cases[i].line ||
			f.list[0].column != cases[i].column ||
			!strstr(f.list[0].message, cases[i].words)) {
			print_error("case %zu:\n%s", i, cases[i].text);
			for (int j = 0; j < f.count; j++)
				print_error("got %d:%d: %s\n", f.list[j].line, f.list[j].column,
					f.list[j].message);
			fail_msg("want one fault at %d:%d with: %s", cases[i].line, cases[i].column,
				cases[i].words);
		}
		assert_int_equal(e.code, ERR_INVALID);
		assert_non_null(strstr(e.message, f.list[0].message));
		spec_faults_release(&f);
	}
}

static void all_faults_in_one_pass_by_line(void **state)
{
	static const char text[] = "project: P\n"
				   "endpoints:\n"
				   "  a:\n"
				   "    listen: nowhere\n"
				   "    stepz: 3\n"
				   "    replicas: many\n"
				   "    rollout: {steps: [9% 1m, 5% x]}\n"
				   "tierz: {}\n"
				   "access:\n"
				   "  admin: [&x root, *x]\n";
	static const int want[][2] = {{1, 10}, {3, 3}, {3, 3}, {3, 3}, {4, 13}, {5, 5}, {6, 15},
		{7, 30}, {8, 1}, {10, 11}, {10, 20}};
	struct spec_faults f = {0};
	struct err e = {0};

	(void)state;
	assert_null(spec_parse(text, strlen(text), "p.yaml", &f, &e));
	assert_int_equal(f.count, sizeof want / sizeof want[0]);
	for (int i = 0; i < f.count; i++) {
		assert_int_equal(f.list[i].line, want[i][0]);
		assert_int_equal(f.list[i].column, want[i][1]);
	}
	assert_int_equal(strncmp(e.message, "p.yaml:1:10: ", 13), 0);
	assert_string_equal(e.hint, "10 more faults in this file");
	spec_faults_release(&f);
	/* Without a place for the list there is the sentence all the same. */
	assert_null(spec_parse(text, strlen(text), "p.yaml", NULL, &e));
	assert_null(spec_parse(text, strlen(text), "p.yaml", NULL, NULL));
}

static void faults_are_bounded(void **state)
{
	struct buf b = {0};
	struct spec_faults f = {0};
	struct err e = {0};

	(void)state;
	buf_adds(&b, "project: p\n");
	for (int i = 0; i < 60000; i++)
		buf_addf(&b, "key%d: x\n", i);
	assert_null(spec_parse(buf_text(&b), b.len, "p.yaml", &f, &e));
	assert_int_equal(f.count, 500);
	assert_string_equal(e.hint, "59999 more faults in this file");
	spec_faults_release(&f);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_fault_at_its_place),
		cmocka_unit_test(all_faults_in_one_pass_by_line),
		cmocka_unit_test(faults_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
