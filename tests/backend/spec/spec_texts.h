/* spec_texts.h: good spec files shared by this folder's tests. */
#ifndef PITHEAD_TESTS_BACKEND_SPEC_SPEC_TEXTS_H
#define PITHEAD_TESTS_BACKEND_SPEC_SPEC_TEXTS_H

/* Lines 1 to 7; a test adds rows of the endpoint from line 8, column 5 on. */
#define EP                                                                                         \
	"project: p\n"                                                                             \
	"endpoints:\n"                                                                             \
	"  d:\n"                                                                                   \
	"    environment: production\n"                                                            \
	"    tier: low\n"                                                                          \
	"    listen: 127.0.0.1:8100\n"                                                             \
	"    serve: ./serve\n"

/* A certificate of an authority, as lines of a block in an endpoint. */
#define CA_LINES                                                                                   \
	"      -----BEGIN CERTIFICATE-----\n"                                                      \
	"      MIIBeTCCAR+gAwIBAgIUQUZF9KAFglmPW7bCoPfWO/gnuu8wCgYIKoZIzj0EAwIw\n"                 \
	"      EjEQMA4GA1UEAwwHdGVzdC1jYTAeFw0yNjExMjYxNjM5NTRaFw0zNjExMjMxNjM5\n"                 \
	"      NTRaMBIxEDAOBgNVBAMMB3Rlc3QtY2EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"                 \
	"      AASEw4UcyIJwEaOoY9k2i17NHekTLSl5FIXFoZLiOdjPu8qrT7onlILfjoui6ZKa\n"                 \
	"      gRu1ZaFD5TwrYbVGMb88qQ05o1MwUTAdBgNVHQ4EFgQU8zwUTs4pj9hmkAlRAYmi\n"                 \
	"      KLJSiVwwHwYDVR0jBBgwFoAU8zwUTs4pj9hmkAlRAYmiKLJSiVwwDwYDVR0TAQH/\n"                 \
	"      BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBSApV1cIUIp/26Ukg/qDgHXvyuKeY9\n"                 \
	"      gk7NfG8X6VZRHAIhAJNkMw1GPNfRJUITGLWkSEHdGB7T+F6a0L51XImUj3sQ\n"                     \
	"      -----END CERTIFICATE-----\n"

/* Every section and every key, out of canonical order, with comments in every place. */
#define FULL                                                                                       \
	"# The flights project.\n"                                                                 \
	"# Two lines of head.\n"                                                                   \
	"\n"                                                                                       \
	"# who owns it\n"                                                                          \
	"owner: travel-ml   # the team\n"                                                          \
	"project: flights\n"                                                                       \
	"tiers:\n"                                                                                 \
	"    high:\n"                                                                              \
	"        freeze: Fri 16:00 .. Mon 08:00 Europe/London\n"                                   \
	"        approvals: 3\n"                                                                   \
	"        rollback: 1s\n"                                                                   \
	"        late-outcomes: allow # told, not refused\n"                                       \
	"        approve: both\n"                                                                  \
	"        soak: 10m\n"                                                                      \
	"        step-most: 25%\n"                                                                 \
	"        signals: [error_rate, brier]\n"                                                   \
	"        on-undecided: page\n"                                                             \
	"    low:\n"                                                                               \
	"        freeze:\n"                                                                        \
	"        # at night\n"                                                                     \
	"        - daily 22:00 .. 06:00 UTC\n"                                                     \
	"        - 2026-12-20 .. 2027-01-03 Europe/Berlin # the holidays\n"                        \
	"accounts: {ci: robot, Deploy_2: shared, bot: {kind: robot, may: [status, outcomes]}} "    \
	"#x\n"                                                                                     \
	"endpoints: # all of them\n"                                                               \
	"    delay:\n"                                                                             \
	"        tier: low # no approvals\n"                                                       \
	"        environment: production\n"                                                        \
	"        mode: online\n"                                                                   \
	"        runbook: 'docs/delay.md'\n"                                                       \
	"        listen: localhost:8100\n"                                                         \
	"        serve: \"./serve --model m # not a comment\"\n"                                   \
	"        replicas: 2\n"                                                                    \
	"        health: /healthz\n"                                                               \
	"        key: header X-Flight else random # sticky\n"                                      \
	"        segment: json origin.code\n"                                                      \
	"        timeout: 1m\n"                                                                    \
	"        score: json probability\n"                                                        \
	"        features: [json hour, # first\n"                                                  \
	"            header X-Day,\n"                                                              \
	"            # second\n"                                                                   \
	"            json a.b] # closed\n"                                                         \
	"        task: binary\n"                                                                   \
	"        outcome: late within 6h\n"                                                        \
	"        rollout:\n"                                                                       \
	"            # own steps\n"                                                                \
	"            steps:\n"                                                                     \
	"            - 0.25% 90s # small\n"                                                        \
	"            - 50bp 2m\n"                                                                  \
	"            # then all\n"                                                                 \
	"            - 100% 1h30m\n"                                                               \
	"            pattern: canary\n"                                                            \
	"            hold: 30m\n"                                                                  \
	"            keep-hot: 0s\n"                                                               \
	"            on-undecided: abort\n"                                                        \
	"            segments: [ORD, ATL, '9:x']\n"                                                \
	"            false-abort: 1%\n"                                                            \
	"            signals: {error_rate: critical worse-by 0.5pp, brier: \"critical worse-by "   \
	"0.01\"}\n"                                                                                \
	"            # end of rollout\n"                                                           \
	"        # end of delay\n"                                                                 \
	"    far:\n"                                                                               \
	"        environment: staging\n"                                                           \
	"        tier: high\n"                                                                     \
	"        owner: \"no\"\n"                                                                  \
	"        listen: \"*:8101\"\n"                                                             \
	"        versions:\n"                                                                      \
	"            v9: {upstream: \"tls gpu.example:443, [2001:db8::1]:8443\",\n"                \
	"                connections: 40, verify: required, server-name: gpu.example}\n"           \
	"            v10:\n"                                                                       \
	"                upstream: 10.0.0.7:9000\n"                                                \
	"access:\n"                                                                                \
	"    service: [\"@apps\"]\n"                                                               \
	"    admin: [root, anna_b]\n"                                                              \
	"pipelines:\n"                                                                             \
	"    delay:\n"                                                                             \
	"        script: | # two lines\n"                                                          \
	"            make # kept as text\n"                                                        \
	"              deep\n"                                                                     \
	"        folded: >-\n"                                                                     \
	"            one\n"                                                                        \
	"            two\n"                                                                        \
	"\n"                                                                                       \
	"        list:\n"                                                                          \
	"        - a: 1 # item\n"                                                                  \
	"          b: [x, {y: z}]\n"                                                               \
	"        # before the second\n"                                                            \
	"        - - nested\n"                                                                     \
	"datasets: {}\n"                                                                           \
	"# the end\n"

#endif
