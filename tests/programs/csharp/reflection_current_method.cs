using System;
using System.Reflection;

// MethodBase.GetCurrentMethod: the definition, wherever generics are involved.
class Generic<T>
{
    public MethodBase Method() { return MethodBase.GetCurrentMethod(); }
    public static MethodBase Static() { return MethodBase.GetCurrentMethod(); }
    public readonly MethodBase Constructor;
    public Generic() { Constructor = MethodBase.GetCurrentMethod(); }
    public class Inner { public MethodBase Method() { return MethodBase.GetCurrentMethod(); } }
}

struct Value<T>
{
    public MethodBase Method() { return MethodBase.GetCurrentMethod(); }
}

class Program
{
    static void Show(MethodBase m)
    {
        Console.WriteLine("{0} of {1}, generic {2} {3} {4}", m, m.DeclaringType, m.IsGenericMethod, m.IsGenericMethodDefinition,
            m.ContainsGenericParameters);
    }

    static void Main()
    {
        Show(new Generic<string>().Method());
        Show(new Generic<int>().Method());
        Show(Generic<string>.Static());
        Show(new Generic<string>().Constructor);
        Show(new Generic<int>.Inner().Method());
        Show(new Value<int>().Method());
        Show(new Value<string>().Method());
        Show(MethodBase.GetCurrentMethod());
        Console.WriteLine(new Generic<string>().Method() == typeof(Generic<>).GetMethod("Method"));
        Func<MethodBase> f = () => MethodBase.GetCurrentMethod();
        Console.WriteLine(f().DeclaringType == typeof(Program));
    }
}
