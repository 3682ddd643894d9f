# ruby-saml from 1.11 with WEBrick as a service provider: PORT IDP-METADATA. The library makes the
# AuthnRequest and validates the Response; the application binds both to the browser.

require "onelogin/ruby-saml"
require "securerandom"
require "webrick"

port, idp = ARGV
base = "http://127.0.0.1:#{port}"
# It writes every AuthnRequest there.
OneLogin::RubySaml::Logging.logger = Logger.new(IO::NULL)

settings = OneLogin::RubySaml::IdpMetadataParser.new.parse(File.read(idp))
settings.soft = true
# Versions before 1.12 know only the name issuer, later ones only this one.
settings.public_send(settings.respond_to?(:sp_entity_id=) ? :sp_entity_id= : :issuer=, "#{base}/metadata")
settings.assertion_consumer_service_url = "#{base}/acs"
settings.name_identifier_format = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
settings.security = settings.security.merge(want_assertions_signed: true)

# What the application keeps of one browser.
Browser = Struct.new(:request, :user)
browsers = {}
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
  response["Set-Cookie"] = "session=#{name}; Path=/; HttpOnly"
  browsers[name] = Browser.new
end

def refuse(response, errors)
  warn(errors.join("; "))
  response.status = 403
  response.body = errors.join("; ")
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

server.mount_proc("/acs") do |request, response|
  browser = lock.synchronize { browsers.delete(cookie_of(request)) }
  next refuse(response, ["this browser sent no request"]) if browser&.request.nil?

  answer = OneLogin::RubySaml::Response.new(
    request.query["SAMLResponse"].to_s, settings: settings, matches_request_id: browser.request
  )
  next refuse(response, answer.errors) unless answer.is_valid?

  lock.synchronize { new_browser(browsers, response).user = answer.nameid }
  redirect(response, "/whoami")
rescue StandardError, SystemStackError => e
  # The library raises errors of many kinds.
  refuse(response, ["#{e.class}: #{e.message[0, 200]}"])
end

server.mount_proc("/whoami") do |request, response|
  browser = lock.synchronize { browsers[cookie_of(request)] }
  if browser&.user
    response.body = "user=#{browser.user};"
  else
    response.status = 401
    response.body = "nobody is logged in"
  end
end

trap("TERM") { server.shutdown }
server.start
