import java.text.SimpleDateFormat;
import java.util.Date;
import java.util.GregorianCalendar;
import java.util.Locale;
import java.util.TimeZone;

/**
 * Prints what a JDK makes of every letter one to six times, many instants and zones. The first line has the pattern,
 * the others zone, epoch milliseconds and text, tab separated.
 */
public class SimpleDateFormatLetters {
  static final String[] ZONES = {
    "GMT", "UTC", "PST", "America/New_York", "MST", "Asia/Kolkata", "Europe/London", "America/Sao_Paulo",
    "Australia/Lord_Howe", "GMT-08:00", "GMT+05:45", "America/St_Johns",
  };
  /** New years on each weekday, leap days, both changes of US daylight saving, noon and midnight. */
  static final String[] INSTANTS = {
    "1970-01-01T00:00:00.000Z", "1999-12-31T23:59:59.999Z", "2000-02-29T12:00:00.007Z", "2007-12-30T12:30:00.070Z",
    "2008-12-31T00:30:00.700Z", "2010-01-01T11:59:59.123Z", "2010-12-26T13:00:00.010Z", "2011-12-31T12:00:00.000Z",
    "2012-01-01T05:00:00.000Z", "2016-12-31T07:08:09.100Z", "2018-03-11T09:59:59.999Z", "2018-03-11T10:00:00.000Z",
    "2018-11-04T08:30:00.000Z", "2018-11-04T09:30:00.000Z", "2018-12-30T21:04:05.006Z", "2019-12-28T23:59:59.000Z",
    "2019-12-29T00:00:00.000Z", "2024-02-29T03:30:00.250Z", "2024-12-31T18:29:59.990Z", "2037-12-31T23:00:00.999Z",
    "2099-12-31T12:34:56.789Z",
  };
  /** In GMT and with an offset only: JDKs and the zone database differ about local mean time. */
  static final String[] FAR = {
    "0001-01-01T00:00:00.000Z", "0007-08-09T10:11:12.013Z", "0099-12-31T23:59:59.999Z", "0999-07-15T12:00:00.500Z",
    "1582-10-15T00:00:00.000Z", "9999-12-30T21:00:00.999Z",
  };

  public static void main(String[] args) {
    StringBuilder pattern = new StringBuilder();
    for (char letter : "GyYMLwWdDEuFaHkKhmsSzZX".toCharArray()) {
      for (int count = 1; count <= (letter == 'X' ? 3 : 6); count++) {
        pattern.append(pattern.length() == 0 ? "" : "|").append(String.valueOf(letter).repeat(count));
      }
    }
    System.out.println(pattern);
    for (int zone = 0; zone < ZONES.length; zone++) {
      for (int i = 0; i < INSTANTS.length; i++) {
        if (zone == 0 || (zone + i) % 3 == 0) print(pattern.toString(), ZONES[zone], INSTANTS[i]);
      }
    }
    for (String instant : FAR) {
      print(pattern.toString(), "GMT", instant);
      print(pattern.toString(), "GMT-08:00", instant);
    }
  }

  static void print(String pattern, String zone, String instant) {
    long millis = java.time.Instant.parse(instant).toEpochMilli();
    SimpleDateFormat format = new SimpleDateFormat(pattern, Locale.US);
    GregorianCalendar calendar = new GregorianCalendar(TimeZone.getTimeZone(zone), Locale.US);
    // Gregorian dates throughout, as ISO 8601 has them.
    calendar.setGregorianChange(new Date(Long.MIN_VALUE));
    format.setCalendar(calendar);
    System.out.println(zone + "\t" + millis + "\t" + format.format(new Date(millis)));
  }
}
