/* marked: what a load of rules, labels, head and model has changed, as marks on the plots (review/marks.h). */
#ifndef APP_MARKED_H
#define APP_MARKED_H

#include "conf/conf.h"
#include "pipeline/engine.h"
#include "review/marks.h"

/* was: the engine before, NULL: there was none. conf: what `is` was loaded by. */
void marked_engine(struct marks *m, const struct engine *was, const struct engine *is, const struct conf *conf);

#endif
