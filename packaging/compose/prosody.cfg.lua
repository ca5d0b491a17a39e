-- Of the container in packaging/compose.yaml. Certificates of example.org belong into compose/certs.
local function secret(name)
    local file = assert(io.open("/run/secrets/" .. name))
    local line = file:read("*l")
    file:close()
    return line
end

pidfile = "/var/run/prosody/prosody.pid"
data_path = "/var/lib/prosody"
certificates = "certs"
log = { { levels = { min = "info" }, to = "console" } }

modules_enabled = {
    "roster", "saslauth", "tls", "dialback", "disco", "carbons", "pep", "private", "blocklist", "bookmarks",
    "vcard4", "vcard_legacy", "mam", "smacks", "csi_simple", "limits", "ping", "adhoc", "time", "version",
}
authentication = "internal_hashed"
c2s_require_encryption = true
s2s_require_encryption = true
-- Ports of components are open to this network namespace only, which Causeway shares.
component_ports = { 5347 }
component_interfaces = { "127.0.0.1" }

VirtualHost "example.org"

Component "irc.example.org"
    component_secret = secret("irc")
