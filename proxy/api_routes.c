/* api_routes.c - the table of routes. */
#include "proxy/api.h"

#define USERS    "/memory/api/users"
#define USER     USERS "/{user}"
#define EXCHANGE USER "/exchanges/{id}"
#define PAGES    (API_CURSOR | API_LIMIT)

/* clang-format off */
const struct api_route api_routes[] = {
{ .method = "GET", .path = USERS, .name = "listUsers",
  .summary = "Who is remembered, in order of tenant and user.",
  .query = API_TENANT | PAGES, .answer = "Users", .serve = api_users_list },
{ .method = "DELETE", .path = USER, .name = "forgetUser",
  .summary = "Forget everything that this user said, and what is on its way to be kept.",
  .query = API_TENANT, .answer = "Deleted", .serve = api_users_forget },
{ .method = "PUT", .path = USER "/pause", .name = "pauseUser",
  .summary = "Keep nothing more of this user until it is resumed; what is there stays.",
  .query = API_TENANT, .body = "Pause", .answer = "Paused", .faults = "413 415",
  .serve = api_users_pause },
{ .method = "GET", .path = USER "/sessions", .name = "listSessions",
  .summary = "The user's conversations, that with the newest exchange first.",
  .query = API_TENANT | PAGES, .answer = "Sessions", .serve = api_users_sessions },
{ .method = "DELETE", .path = USER "/sessions/{session}", .name = "forgetSession",
  .summary = "Forget a conversation, and what is on its way to be kept in it.",
  .query = API_TENANT, .answer = "Deleted", .serve = api_users_session_forget },
{ .method = "GET", .path = USER "/exchanges", .name = "listExchanges",
  .summary = "What was said, newest first; of one conversation with `session`.",
  .query = API_TENANT | API_SESSION | PAGES, .answer = "Exchanges",
  .serve = api_exchanges_list },
{ .method = "GET", .path = EXCHANGE, .name = "getExchange",
  .summary = "One exchange.",
  .query = API_TENANT, .answer = "Exchange", .faults = "404",
  .serve = api_exchange_get },
{ .method = "PATCH", .path = EXCHANGE, .name = "editExchange",
  .summary = "Put other words in the place of the user's, the reply, or both.",
  .query = API_TENANT, .body = "Edit", .answer = "Exchange", .faults = "404 413 415",
  .serve = api_exchange_edit },
{ .method = "DELETE", .path = EXCHANGE, .name = "forgetExchange",
  .summary = "Forget one exchange.",
  .query = API_TENANT, .answer = "Deleted", .faults = "404",
  .serve = api_exchange_forget },
{ .method = "GET", .path = USER "/search", .name = "search",
  .summary = "The exchanges that a text finds, best first, as recall scores them.",
  .query = API_TENANT | API_TEXT | API_LIMIT, .answer = "Found", .serve = api_search },
{ .method = "GET", .path = USER "/explain", .name = "explain",
  .summary = "What a request with this text as its last message would get, and why; in a "
	     "conversation with `session`.",
  .query = API_TENANT | API_TEXT | API_SESSION | API_LIMIT, .answer = "Explained",
  .serve = api_explain },
{ .method = "GET", .path = USER "/export", .name = "exportUser",
  .summary = "Everything that this user said, as JSON Lines of exchanges, oldest first.",
  .query = API_TENANT, .answer = API_LINES, .serve = api_export },
{ .method = "POST", .path = USER "/import", .name = "importUser",
  .summary = "JSON Lines of exchanges, as an export gives them, or of sessions as the "
	     "original proxy kept them. Times stay; an exchange that is there already is "
	     "passed over.",
  .query = API_TENANT, .body = API_LINES, .answer = "Imported", .faults = "409 415",
  .serve = api_import },
{ .method = "GET", .path = "/memory/api/openapi.json", .name = "describe",
  .summary = "This description.",
  .answer = "Description", .open = true, .serve = api_openapi },
{ .method = "GET", .path = "/v1/sessions", .name = "listSessionIds",
  .summary = "The ids of all conversations, of one user with `user_id`.",
  .query = API_TENANT | API_USER_ID, .answer = "SessionIds",
  .serve = api_sessions_list },
{ .method = "GET", .path = "/v1/sessions/{session}", .name = "getSession",
  .summary = "A conversation as a list of messages.",
  .query = API_TENANT | API_USER_ID, .answer = "Session",
  .faults = "404:SessionNotFound",
  .serve = api_sessions_get },
{ .method = "DELETE", .path = "/v1/sessions/{session}", .name = "deleteSession",
  .summary = "Forget a conversation. It is no error if there is none.",
  .query = API_TENANT | API_USER_ID, .answer = "SessionDeleted",
  .serve = api_sessions_delete },
};
/* clang-format on */
const size_t api_n_routes = sizeof(api_routes) / sizeof(api_routes[0]);
