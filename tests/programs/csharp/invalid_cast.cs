using System;
using System.Collections;

interface IA { }
interface IB : IA { }
interface IC { }
class A : IA { }
class B : A, IB { }
sealed class S : B, IC { }
class Other { }
struct V : IC { public int X; }

class InvalidCast
{
    static string Cast<T>(object o)
    {
        try { T t = (T)o; return t == null ? "n" : "+"; }
        catch (InvalidCastException) { return "-"; }
        catch (NullReferenceException) { return "0"; }
    }

    static string Direct(object o, int to)
    {
        try
        {
            switch (to)
            {
                case 0: return ((A)o) == null ? "n" : "+";
                case 1: return ((B)o) == null ? "n" : "+";
                case 2: return ((S)o) == null ? "n" : "+";
                case 3: return ((IA)o) == null ? "n" : "+";
                case 4: return ((IB)o) == null ? "n" : "+";
                case 5: return ((IC)o) == null ? "n" : "+";
                case 6: return ((V)o).X == 0 ? "z" : "+";
                case 7: return ((string)o) == null ? "n" : "+";
                case 8: return ((Array)o) == null ? "n" : "+";
                case 9: return ((A[])o) == null ? "n" : "+";
                case 10: return ((IEnumerable)o) == null ? "n" : "+";
                case 11: return ((Delegate)o) == null ? "n" : "+";
                case 12: return ((int)o) == 0 ? "z" : "+";
                default: return ((IA[])o) == null ? "n" : "+";
            }
        }
        catch (InvalidCastException) { return "-"; }
        catch (NullReferenceException) { return "0"; }
    }

    static string Is(object o)
    {
        return "" + (o is A ? 1 : 0) + (o is B ? 1 : 0) + (o is S ? 1 : 0) + (o is IA ? 1 : 0) + (o is IB ? 1 : 0) + (o is IC ? 1 : 0) + (o is V ? 1 : 0) + (o is string ? 1 : 0) + (o is Array ? 1 : 0) + (o is A[] ? 1 : 0) + (o is IEnumerable ? 1 : 0) + (o is Delegate ? 1 : 0) + (o is int ? 1 : 0) + (o is IA[] ? 1 : 0);
    }

    static string As(object o)
    {
        return "" + (o as A != null ? 1 : 0) + (o as B != null ? 1 : 0) + (o as S != null ? 1 : 0) + (o as IA != null ? 1 : 0) + (o as IB != null ? 1 : 0) + (o as IC != null ? 1 : 0) + (o as V? != null ? 1 : 0) + (o as string != null ? 1 : 0) + (o as Array != null ? 1 : 0) + (o as A[] != null ? 1 : 0) + (o as IEnumerable != null ? 1 : 0) + (o as Delegate != null ? 1 : 0) + (o as int? != null ? 1 : 0);
    }

    static void Main()
    {
        object[] objects =
        {
            new A(), new B(), new S(), new Other(), new V(), "text", new A[1], new B[1], new S[1][], new int[2],
            (Action)Main, 5, 6L, DayOfWeek.Sunday, new IA[0], new object(), new ArrayList(), null
        };
        foreach (object o in objects)
        {
            string line = "";
            for (int to = 0; to <= 13; to++)
                line += Direct(o, to);
            Console.WriteLine(line + " " + Is(o) + " " + As(o));
            Console.WriteLine(Cast<A>(o) + Cast<S>(o) + Cast<IA>(o) + Cast<IC>(o) + Cast<V>(o) + Cast<V?>(o) + Cast<string>(o) + Cast<A[]>(o) + Cast<int>(o) + Cast<uint[]>(o) + Cast<object>(o) + Cast<Action>(o) + Cast<ValueType>(o) + Cast<IComparable>(o) + Cast<IList>(o));
        }
        int hits = 0;
        for (int i = 0; i < 1000; i++)
        {
            object o = objects[i % objects.Length];
            if (o is IA) hits++;
            if (o is IEnumerable) hits += 2;
            B b = o as B;
            if (b != null && b is IC) hits += 3;
        }
        Console.WriteLine(hits);
    }
}
