// The one entry point: each part works alone, and the page works without all of them.
import "./htmx-setup.js";
import "./theme.js";
import "./toast.js";
import "./keys.js";
import "./palette.js";
import "./live.js";
import "./forms.js";
import "./select.js";
import "./stream.js";
import "./waiting.js";
import "./times.js";
