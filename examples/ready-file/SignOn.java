// Starts Rehearsal, signs on, asks who is in. Only the JDK.
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

public class SignOn {
  static final HttpClient CLIENT = HttpClient.newHttpClient();
  // The JDK's CookieManager refuses cookies for another path than the page's.
  static final Map<String, Map<String, String>> COOKIES = new HashMap<>();

  record Form(URI action, Map<String, String> fields) {}

  static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  // Opens an address with this browser's cookies, and follows redirects.
  static HttpResponse<String> open(URI url, Map<String, String> fields) throws Exception {
    while (true) {
      Map<String, String> jar = COOKIES.computeIfAbsent(url.getAuthority(), it -> new LinkedHashMap<>());
      HttpRequest.Builder request = HttpRequest.newBuilder(url);
      if (!jar.isEmpty()) {
        request.header("Cookie", jar.entrySet().stream()
            .map(it -> it.getKey() + "=" + it.getValue()).collect(Collectors.joining("; ")));
      }
      if (fields != null) {
        String body = fields.entrySet().stream()
            .map(it -> encoded(it.getKey()) + "=" + encoded(it.getValue())).collect(Collectors.joining("&"));
        request.header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(body));
      }
      HttpResponse<String> answer = CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
      for (String line : answer.headers().allValues("set-cookie")) {
        String[] pair = line.split(";")[0].split("=", 2);
        jar.put(pair[0], pair[1]);
      }
      String location = answer.headers().firstValue("location").orElse(null);
      if (location == null) return answer;
      url = url.resolve(location);
      fields = null;
    }
  }

  static String attribute(String tag, String name) {
    Matcher found = Pattern.compile(name + "=\"([^\"]*)\"").matcher(tag);
    return found.find() ? found.group(1).replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">")
        .replace("&#39;", "'").replace("&amp;", "&") : "";
  }

  // The first form of a page: its action and its fields.
  static Form form(HttpResponse<String> page) {
    Matcher form = Pattern.compile("<form[^>]*>").matcher(page.body());
    if (!form.find()) throw new IllegalStateException("no form at " + page.uri());
    Map<String, String> fields = new LinkedHashMap<>();
    Matcher input = Pattern.compile("<input[^>]*>").matcher(page.body());
    while (input.find()) fields.put(attribute(input.group(), "name"), attribute(input.group(), "value"));
    return new Form(page.uri().resolve(attribute(form.group(), "action")), fields);
  }

  // A member of a JSON document, which is enough for the ready file.
  static String member(String json, String name) {
    Matcher found = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([^\"]*)\"").matcher(json);
    if (!found.find()) throw new IllegalStateException("no " + name + " in " + json);
    return found.group(1);
  }

  public static void main(String[] arguments) throws Exception {
    String command = arguments.length > 0 ? arguments[0] : "rehearsal";
    Path readyFile = Files.createTempDirectory("rehearsal").resolve("ready.json");
    Process parties = new ProcessBuilder(command, "up", "--ready-file", readyFile.toString())
        .redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    try {
      while (!Files.exists(readyFile)) {
        if (!parties.isAlive()) throw new IllegalStateException("rehearsal up ended before it was ready");
        Thread.sleep(50);
      }
      String ready = Files.readString(readyFile);
      // The user who is ready to sign on, not the portal's admin.
      String user = ready.substring(ready.indexOf("\"sso_login\""));
      String username = member(user, "username");
      Form login = form(open(URI.create(member(ready, "sso_start_url") + "?email=" + encoded(username)), null));
      login.fields().put("username", username);
      login.fields().put("password", member(user, "password"));
      Form answer = form(open(login.action(), login.fields()));
      open(answer.action(), answer.fields());
      System.out.println(member(open(URI.create(member(ready, "whoami_url")), null).body(), "email"));
    } finally {
      parties.destroy();
    }
  }
}
