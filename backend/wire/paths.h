/* paths.h: the contract between clients and engine: paths, header and file names. No functions. */
#ifndef PITHEAD_BACKEND_WIRE_PATHS_H
#define PITHEAD_BACKEND_WIRE_PATHS_H

#define PATH_ENGINE    "/v1/engine"
#define PATH_UPGRADE   "/v1/engine/upgrade"
#define PATH_WHOAMI    "/v1/whoami"
#define PATH_PROJECTS  "/v1/projects"
#define PATH_ENDPOINTS "/v1/endpoints"
#define PATH_ROLLOUTS  "/v1/rollouts"
#define PATH_CHANGES   "/v1/changes"
#define PATH_VERSIONS  "/v1/versions"
#define PATH_ALERTS    "/v1/alerts"
#define PATH_AUDIT     "/v1/audit"
#define PATH_METRICS   "/v1/metrics"
#define PATH_OUTCOMES  "/v1/outcomes"
#define PATH_EVENTS    "/v1/events"
#define PATH_PLAN      "/v1/plan"
#define PATH_APPLY     "/v1/apply"
#define PATH_BACKUP    "/v1/backup"
#define PATH_WHAT_IF   "/v1/policy/what-if"
#define PATH_NOW       "/v1/now"
#define PATH_OPENAPI   "/v1/openapi.json"

#define HEADER_ROLE	   "X-Pithead-As"  /* lowers the role of one request */
#define HEADER_VIA	   "X-Pithead-Via" /* console or command; anything else is api */
#define HEADER_REVISION	   "If-Match"
#define HEADER_IDEMPOTENCY "Idempotency-Key"
#define HEADER_REQUEST_ID  "X-Request-ID"
#define HEADER_API	   "X-Pithead-API" /* the version of the API that the sender speaks, "1.1" */

#define FILE_SOCKET "engine.sock"
#define TEAM_SOCKET "/run/pithead/engine.sock"

#endif
