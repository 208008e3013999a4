using System;
using System.Globalization;
using System.Threading;

// Formats and names of cultures.
class Cultures
{
    static void Main()
    {
        Console.OutputEncoding = new System.Text.UTF8Encoding(false);
        var when = new DateTime(2008, 3, 9, 16, 5, 7);
        foreach (string name in new[] { "", "en-US", "en-GB", "de-DE", "de-CH", "fr-FR", "ja-JP", "es-ES", "pt-BR", "ru-RU", "zh-CN", "ko-KR", "sv-SE", "pl-PL", "tr-TR", "ar-SA", "he-IL", "hi-IN", "nl-NL", "it-IT", "de", "fr" })
        {
            var c = new CultureInfo(name);
            Console.WriteLine("[" + c.Name + "] " + c.EnglishName + " | " + c.NativeName + " | " + c.LCID + " " + c.TwoLetterISOLanguageName + " " + c.ThreeLetterISOLanguageName + " " + c.IsNeutralCulture + " " + c.Parent.Name + " " + c.TextInfo.ListSeparator + " " + c.TextInfo.IsRightToLeft + " " + c.TextInfo.ANSICodePage);
            Console.WriteLine(1234567.891.ToString("N", c) + " " + (-1234.5m).ToString("C", c) + " " + 0.256.ToString("P", c) + " " + (-5).ToString(c) + " " + double.NaN.ToString(c) + " " + double.NegativeInfinity.ToString(c) + " " + 1e20.ToString(c));
            foreach (string f in new[] { "d", "D", "f", "g", "G", "t", "T", "m", "y", "U" })
                if (c.Calendar is GregorianCalendar) Console.Write(when.ToString(f, c) + " | ");
            Console.WriteLine();
            var d = c.DateTimeFormat;
            Console.WriteLine(string.Join(",", d.DayNames) + " " + string.Join(",", d.AbbreviatedDayNames) + " " + string.Join(",", d.MonthNames) + " " + string.Join(",", d.AbbreviatedMonthNames) + " " + d.AMDesignator + d.PMDesignator + " " + d.FirstDayOfWeek + " " + d.CalendarWeekRule + " " + d.DateSeparator + " " + d.TimeSeparator);
            Console.WriteLine(string.Join(" ; ", d.GetAllDateTimePatterns('d')) + " " + string.Join(" ; ", d.GetAllDateTimePatterns('T')));
            var n = c.NumberFormat;
            Console.WriteLine(n.CurrencySymbol + n.NumberDecimalSeparator + n.NumberGroupSeparator + n.CurrencyNegativePattern + n.CurrencyPositivePattern + n.PercentNegativePattern + n.NumberNegativePattern + string.Join(",", n.NumberGroupSizes) + n.PerMilleSymbol);
        }
        var de = CultureInfo.GetCultureInfo("de-DE");
        Console.WriteLine(double.Parse("1.234,5", de) + " " + DateTime.Parse("09.03.2008", de).Month + " " + decimal.Parse("3,50 €", NumberStyles.Currency, de));
        Thread.CurrentThread.CurrentCulture = new CultureInfo("fr-FR");
        Console.WriteLine(1234.5 + " " + when + " " + string.Format("{0:C} {1:D}", 5, when));
        Console.WriteLine(CultureInfo.CurrentCulture.Name + " " + CultureInfo.InvariantCulture.Equals(CultureInfo.GetCultureInfo("")));
        try { new CultureInfo("no-such-culture"); } catch (CultureNotFoundException e) { Console.WriteLine(e.Message + " " + e.InvalidCultureName); }
        foreach (string r in new[] { "US", "DE", "JP", "fr-CA" }) { var i = new RegionInfo(r); Console.WriteLine(i.Name + " " + i.EnglishName + " " + i.NativeName + " " + i.CurrencySymbol + " " + i.ISOCurrencySymbol + " " + i.IsMetric + " " + i.ThreeLetterISORegionName); }
        Console.WriteLine(CultureInfo.GetCultures(CultureTypes.NeutralCultures).Length + " " + CultureInfo.GetCultures(CultureTypes.SpecificCultures).Length + " " + CultureInfo.CreateSpecificCulture("de").Name + " " + new CultureInfo(1036).Name);
        Console.WriteLine("I".ToLower(new CultureInfo("tr-TR")) + "i".ToUpper(new CultureInfo("tr-TR")) + " " + new CultureInfo("en-US").TextInfo.ToTitleCase("hello wide world"));
    }
}
