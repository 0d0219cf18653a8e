// Guards and stamps at save time. The listener judges everything again by itself and is safe without these.
//
// A handler runs in an interpreter of its own and sees nothing of this file, so each requires what it needs
// (PocketBase 0.40.6, plugins/jsvm). While our data model is not there yet every handler passes through.

require(`${__hooks}/cloudfreedom/stamp.js`).remember($app);

// When a save is judged, the row's own `updated` already stands in place of the form's: keep the form's.
routerUse((e) => {
  require(`${__hooks}/cloudfreedom/form.js`).keep(e);
  return e.next();
});

onBatchRequest((e) => {
  require(`${__hooks}/cloudfreedom/form.js`).keepBatch(e);
  return e.next();
});

onRecordCreateRequest((e) => require(`${__hooks}/cloudfreedom/saves.js`).create(e), "tenants", "agent_stacks");

onRecordUpdateRequest((e) => require(`${__hooks}/cloudfreedom/saves.js`).update(e), "tenants", "agent_stacks");

onRecordDeleteRequest((e) => require(`${__hooks}/cloudfreedom/deletes.js`).request(e), "tenants", "agent_stacks");

// Cascades and truncates, too, which make no request of their own.
onRecordDelete((e) => require(`${__hooks}/cloudfreedom/deletes.js`).remove(e), "tenants", "agent_stacks");

onRecordEnrich((e) => {
  require(`${__hooks}/cloudfreedom/stamp.js`).show(e);
  return e.next();
}, "listener_meta");

onRecordUpdateRequest((e) => {
  require(`${__hooks}/cloudfreedom/stamp.js`).hide(e);
  return e.next();
}, "listener_meta");
