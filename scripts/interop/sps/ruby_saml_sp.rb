# ruby-saml with WEBrick (Debian: ruby-saml, ruby-webrick) as a service provider: PORT IDP-METADATA.
#
# As the README of the library says, in "The Initialization Phase", "Metadata Based Configuration", "Signing
# and Decryption" and "Single Log Out": signed assertions, the ID of the request in the browser's session,
# and signed messages. The application remembers the IDs of assertions ("Preventing Replay Attacks", in the
# README of later versions) and of LogoutRequests. No setting of this version requires the signature of a
# logout message.
#
# With the folder SP_KEYS, its key signs and decrypts.

require "onelogin/ruby-saml"
require "securerandom"
require "webrick"

port, idp = ARGV
keys = ENV["SP_KEYS"]
base = "http://127.0.0.1:#{port}"

settings = OneLogin::RubySaml::IdpMetadataParser.new.parse(File.read(idp))
settings.soft = true
settings.sp_entity_id = "#{base}/metadata"
settings.assertion_consumer_service_url = "#{base}/acs"
settings.single_logout_service_url = "#{base}/slo"
settings.name_identifier_format = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
settings.certificate = File.read("#{keys}/sp.crt")
settings.private_key = File.read("#{keys}/sp.key")
settings.security.merge!(
  authn_requests_signed: true,
  logout_requests_signed: true,
  logout_responses_signed: true,
  want_assertions_signed: true,
  # Only then the metadata has a key for encryption.
  want_assertions_encrypted: true,
  embed_sign: false,
  digest_method: XMLSecurity::Document::SHA256,
  signature_method: XMLSecurity::Document::RSA_SHA256
)

# What the application keeps of one browser.
Browser = Struct.new(:request, :user, :index, :ends, :logout)
browsers = {}
accepted = {}
lock = Mutex.new

server = WEBrick::HTTPServer.new(
  BindAddress: "127.0.0.1", Port: port.to_i,
  Logger: WEBrick::Log.new($stderr, WEBrick::Log::WARN), AccessLog: []
)

def cookie_of(request)
  request.cookies.find { |it| it.name == "session" }&.value
end

def new_browser(browsers, response)
  name = SecureRandom.hex(16)
  cookie = WEBrick::Cookie.new("session", name)
  cookie.path = "/"
  response["Set-Cookie"] = "#{cookie}; HttpOnly; SameSite=Lax"
  browsers[name] = Browser.new
end

# Refusals look alike: a text that differs would help to decrypt an assertion.
def refuse(response, errors)
  warn(errors.join("; "))
  response.status = 403
  response.body = "refused"
end

# Like mount_proc, for messages: the library raises errors of many kinds.
def server_messages(server, path)
  server.mount_proc(path) do |request, response|
    yield request, response
  rescue WEBrick::HTTPStatus::Status
    raise
  rescue StandardError, SystemStackError => e
    refuse(response, ["#{e.class}: #{e.message[0, 200]}"])
  end
end

def redirect(response, url)
  response.status = 302
  response["Location"] = url
end

server.mount_proc("/metadata") do |_, response|
  response["Content-Type"] = "application/samlmetadata+xml"
  response.body = OneLogin::RubySaml::Metadata.new.generate(settings)
end

server.mount_proc("/login") do |_, response|
  start = OneLogin::RubySaml::Authrequest.new
  url = start.create(settings)
  lock.synchronize { new_browser(browsers, response).request = start.uuid }
  redirect(response, url)
end

server_messages(server, "/acs") do |request, response|
  browser = lock.synchronize { browsers[cookie_of(request)] }
  asked = browser&.request
  next refuse(response, ["this browser sent no request"]) if asked.nil?

  answer = OneLogin::RubySaml::Response.new(
    request.query["SAMLResponse"].to_s, settings: settings, matches_request_id: asked, allowed_clock_drift: 1
  )
  next refuse(response, answer.errors) unless answer.is_valid?

  lock.synchronize do
    id = answer.assertion_id
    next refuse(response, ["the assertion was accepted before"]) if id.nil? || accepted[id]

    accepted[id] = true
    # A new session at each login.
    browsers.delete(cookie_of(request))
    made = new_browser(browsers, response)
    made.user = answer.nameid
    made.index = answer.sessionindex
    made.ends = answer.session_expires_at
    redirect(response, "/whoami")
  end
end

server.mount_proc("/whoami") do |request, response|
  browser = lock.synchronize { browsers[cookie_of(request)] }
  is_over = browser&.ends && Time.now >= browser.ends
  if browser&.user && !is_over
    response.body = "user=#{browser.user};"
  else
    response.status = 401
    response.body = "nobody is logged in"
  end
end

server.mount_proc("/logout") do |request, response|
  browser = lock.synchronize { browsers[cookie_of(request)] }
  next redirect(response, "/whoami") unless browser&.user

  start = OneLogin::RubySaml::Logoutrequest.new
  own = settings.clone
  own.name_identifier_value = browser.user
  own.sessionindex = browser.index
  browser.logout = start.uuid
  redirect(response, start.create(own))
end

server_messages(server, "/slo") do |request, response|
  # The library verifies the signature of a query over the parameters as they were received.
  pairs = request.query_string.to_s.split("&").map { |it| it.split("=", 2) }
  raw = pairs.to_h
  # By the decoded names: "SAML%52equest" is SAMLRequest, too.
  names = pairs.map { |name, _| URI.decode_www_form_component(name) }
  next refuse(response, ["a parameter occurs twice"]) if names.uniq.size < names.size

  options = { get_params: request.query, raw_get_params: raw, settings: settings }
  if request.query["SAMLRequest"]
    asked = OneLogin::RubySaml::SloLogoutrequest.new(request.query["SAMLRequest"], options)
    next refuse(response, asked.errors) unless asked.is_valid?

    is_new = lock.synchronize { accepted[asked.id] ? false : accepted[asked.id] = true }
    next refuse(response, ["the LogoutRequest was accepted before"]) unless is_new

    indexes = asked.session_indexes
    lock.synchronize do
      browsers.delete_if do |_, it|
        it.user == asked.nameid && (indexes.empty? || indexes.include?(it.index))
      end
    end
    answer = OneLogin::RubySaml::SloLogoutresponse.new
    redirect(response, answer.create(settings, asked.id, nil, RelayState: request.query["RelayState"]))
  else
    name = cookie_of(request)
    sent = lock.synchronize { browsers[name]&.logout }
    next refuse(response, ["no logout was started"]) if sent.nil?

    answer = OneLogin::RubySaml::Logoutresponse.new(
      request.query["SAMLResponse"].to_s, settings, options.merge(matches_request_id: sent)
    )
    next refuse(response, answer.errors) unless answer.validate

    lock.synchronize { browsers.delete(name) }
    redirect(response, "/whoami")
  end
end

trap("TERM") { server.shutdown }
server.start
