/* ask_llm: one line that the LLM is asked about because a person wants to know, by POST /api/explain. What it says is
 * told, and kept with its other answers; the line counts as none of its kind, and no answer to its template changes. */
#ifndef API_ASK_LLM_H
#define API_ASK_LLM_H

#include "api/desk.h"

/* Whether the body may ask for it, at a glance. */
bool ask_llm_is_wanted(const struct exchange *x);

/* A handler's whole body where it does: the LLM is asked, then the work is done on the desk's thread, and sent. Needs
 * the role label. */
enum step ask_llm_run(struct exchange *x, desk_work *then);

/* For the work: ,"asked":{"label_id","confidence"} or {"error"}; nothing where nobody was asked. */
void ask_llm_put(struct exchange *x);

#endif
