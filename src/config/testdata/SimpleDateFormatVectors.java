import java.text.SimpleDateFormat;
import java.util.Date;
import java.util.Locale;
import java.util.TimeZone;

/** Prints pattern, zone, epoch milliseconds and the text a JDK makes of them, tab separated. */
public class SimpleDateFormatVectors {
  static final String[] PATTERNS = {
    "yyyy-MM-dd'T'HH:mm:ssXXX", "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "yyyy-MM-dd'T'HH:mm:ss.SSSZ", "yyyy-MM-dd'T'HH:mm:ssZ",
    "EEE, dd MMM yyyy HH:mm:ss Z", "MM/dd/yyyy HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.SSS", "dd/MM/yyyy",
    "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmz", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.SSSX",
    "yyyy-MM-dd'T'HH:mm:ss.SSSXX", "yyyy-MM-dd' 'HH:mm:ss", "MM/dd/yyy'T'HH:mm:ssXXX",
    "yyyy-MM-dd HH:mm:ss -0800", "yyyy/MM/dd HH:mm:ss", "MM/dd/yyyy", "yyyyMMddHHmmss", "yyyyMMdd",
    "yy-M-d h:m:s a", "G yyyy GGGG", "Y-'W' YY YYYY", "D DDD", "EEEE E EEEEEE", "MMMM MMM MM M",
    "K k h H KK kk hh HH", "a", "yyyy z zzz zzzz Z", "''yyyy'' 'o''clock'", "EEE MMM dd HH:mm:ss z yyyy",
    "y yy yyy yyyy yyyyy", "m mm s ss", "LLLL LLL L",
  };
  static final String[] ZONES = {
    "GMT", "UTC", "PST", "CST", "MST", "America/Denver", "Asia/Kolkata", "Europe/Berlin", "GMT-08:00",
  };
  /** The epoch, plain days, both sides of two changes of US daylight saving, ends of years, a leap day, the year 2100. */
  static final long[] INSTANTS = {
    0L, 1378148757687L, 1459812788021L, 1534778974007L, 1520762399000L, 1520762400000L, 1541322000500L,
    1546214400000L, 1577836799999L, 1709164800123L, 4102444800000L,
  };

  public static void main(String[] args) {
    for (int p = 0; p < PATTERNS.length; p++) {
      for (int z = 0; z < ZONES.length; z++) {
        for (int i = 0; i < INSTANTS.length; i++) {
          if ((p + z + i) % 3 != 0) continue;
          SimpleDateFormat format = new SimpleDateFormat(PATTERNS[p], Locale.US);
          format.setTimeZone(TimeZone.getTimeZone(ZONES[z]));
          System.out.println(PATTERNS[p] + "\t" + ZONES[z] + "\t" + INSTANTS[i] + "\t" + format.format(new Date(INSTANTS[i])));
        }
      }
    }
  }
}
