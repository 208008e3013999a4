using System;
using System.Globalization;

// Dates: construction, arithmetic, formats, calendars; no local time zone.
class DateTimes
{
    static readonly CultureInfo Inv = CultureInfo.InvariantCulture;
    static void Main()
    {
        var dates = new[] { new DateTime(2000, 2, 29, 13, 5, 9, 7), new DateTime(1, 1, 1), DateTime.MaxValue, new DateTime(1999, 12, 31, 23, 59, 59, DateTimeKind.Utc), new DateTime(2024, 7, 4, 0, 0, 0, DateTimeKind.Unspecified) };
        string[] formats = { "d", "D", "f", "F", "g", "G", "m", "o", "R", "s", "t", "T", "u", "y", "yyyy-MM-dd HH:mm:ss.fff", "ddd dd MMM yy", "dddd, MMMM d", "h:m:s tt", "hh 'o''clock' tt", "%d", "yyyyy gg", "HH:mm:ss.FFFFFFF", "\\d d", "MM/dd/yyyy", "fffffff" };
        foreach (DateTime d in dates)
        {
            foreach (string f in formats)
                try { Console.WriteLine(f + ": " + d.ToString(f, Inv)); }
                catch (FormatException) { Console.WriteLine(f + ": format"); }
            Console.WriteLine(d.Ticks + " " + d.DayOfWeek + " " + d.DayOfYear + " " + d.Kind + " " + d.ToBinary() + " " + d.Date.Ticks + " " + d.TimeOfDay + " " + d.GetHashCode());
            foreach (Func<DateTime> step in new Func<DateTime>[] { () => d.AddDays(1.5), () => d.AddMonths(-13), () => d.AddYears(4), () => d.AddMilliseconds(0.6), () => d.AddTicks(-1), () => d.AddHours(25), () => d - TimeSpan.FromDays(400) })
                try { Console.Write(step().ToString("s", Inv) + " "); } catch (ArgumentOutOfRangeException) { Console.Write("range "); }
            Console.WriteLine();
        }
        Console.WriteLine((dates[0] - dates[4]) + " " + (dates[0] < dates[3]) + " " + DateTime.Compare(dates[1], dates[0]) + " " + DateTime.IsLeapYear(1900) + DateTime.IsLeapYear(2000) + " " + DateTime.DaysInMonth(2023, 2));
        foreach (var t in new[] { new TimeSpan(1, 2, 3, 4, 5), TimeSpan.Zero, TimeSpan.MinValue, -TimeSpan.FromMinutes(90.5), TimeSpan.FromSeconds(0.001), new TimeSpan(7) })
        {
            foreach (string f in new[] { "c", "g", "G", "hh\\:mm", "d\\.hh\\:mm\\:ss\\.fffffff", "%s", "'x'%d" }) Console.Write(t.ToString(f, Inv) + " ");
            Console.WriteLine(t.TotalHours.ToString("R", Inv) + " " + t.Days + " " + t.Milliseconds + " " + t.Ticks);
        }
        try { TimeSpan.FromDays(1e9); } catch (OverflowException e) { Console.WriteLine(e.Message); }
        try { new DateTime(2023, 2, 29); } catch (ArgumentOutOfRangeException e) { Console.WriteLine(e.Message); }
        var offset = new DateTimeOffset(2010, 5, 6, 7, 8, 9, TimeSpan.FromHours(-3.5));
        Console.WriteLine(offset.ToString("o", Inv) + " " + offset.UtcDateTime.ToString("u", Inv) + " " + offset.ToOffset(TimeSpan.FromHours(2)).ToString(Inv) + " " + offset.ToUnixTimeSeconds() + " " + DateTimeOffset.FromUnixTimeMilliseconds(1234567890123).ToString("o", Inv));
        var calendar = new GregorianCalendar();
        foreach (var rule in new[] { CalendarWeekRule.FirstDay, CalendarWeekRule.FirstFullWeek, CalendarWeekRule.FirstFourDayWeek })
            Console.Write(calendar.GetWeekOfYear(new DateTime(2005, 1, 1), rule, DayOfWeek.Monday) + " ");
        var julian = new JulianCalendar(); var hijri = new HijriCalendar(); var hebrew = new HebrewCalendar(); var japanese = new JapaneseCalendar();
        var when = new DateTime(2001, 9, 9);
        Console.WriteLine(julian.GetDayOfMonth(when) + " " + hijri.GetYear(when) + " " + hebrew.GetYear(when) + "/" + hebrew.GetMonth(when) + " " + japanese.GetYear(when) + " era " + japanese.GetEra(when));
    }
}
