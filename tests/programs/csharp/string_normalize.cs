// Unicode normalization forms.
using System;
using System.Linq;
using System.Text;

class Program
{
    static string Hex(string s) { return string.Join(" ", s.Select(c => ((int)c).ToString("x4"))); }

    static void Main()
    {
        string[] texts = { "plain", "\u00e9", "e\u0301", "\u1e9b\u0323", "\u2460", "A\u030a\u0327", "\uac00\u11a8", "\u1100\u1161", "\u00c5\u212b", "q\u0307\u0323", "\u0344", "\u03d3", "" };
        foreach (string s in texts)
        {
            Console.WriteLine(Hex(s));
            foreach (NormalizationForm form in new[] { NormalizationForm.FormC, NormalizationForm.FormD, NormalizationForm.FormKC, NormalizationForm.FormKD })
                Console.WriteLine("  {0}: {1} {2}", form, Hex(s.Normalize(form)), s.IsNormalized(form));
        }
        Console.WriteLine("\u0041\u030a".Normalize() == "\u00c5");
    }
}
